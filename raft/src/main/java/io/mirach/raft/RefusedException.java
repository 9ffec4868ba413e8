package io.mirach.raft;

import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * The command or question was certainly not appended and has no effect: re-route it or try again
 * later.
 */
public final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Why the log refused. */
    public enum Reason {
        /** This replica does not lead; see {@link #leaderHint()}. */
        NOT_LEADER,
        /** This replica leads but may not answer yet (a new leader waits out older leases). */
        NOT_READY,
        /** The queue of the log is full. */
        BACK_PRESSURED,
        /** The group is not on this data dir, or is closing. */
        NO_SUCH_GROUP
    }

    private final Reason reason;
    private final transient Optional<UUID> leaderHint;

    public RefusedException(Reason reason, Optional<UUID> leaderHint) {
        super(reason.name(), null, false, false);
        this.reason = Objects.requireNonNull(reason, "reason");
        this.leaderHint = Objects.requireNonNull(leaderHint, "leaderHint");
    }

    public Reason reason() {
        return reason;
    }

    /** The peer that this replica believes to lead. */
    public Optional<UUID> leaderHint() {
        return leaderHint;
    }
}
