package io.mirach.raft;

import java.util.Objects;

/** A change of members did not take place. */
public final class MembersRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Why it was refused. */
    public enum Reason {
        /** The voters are others than expected; see {@link #actual()}. */
        OTHER_VOTERS,
        /** Another change is under way, or the last one is not yet committed. */
        CHANGE_UNDER_WAY,
        /** A new member did not answer, or made no progress, so the change was given up. */
        NO_PROGRESS,
        /** No group is changed so: more new voters than old ones, or its leader sent away. */
        NOT_ALLOWED
    }

    private final Reason reason;
    private final transient Members actual;

    public MembersRefusedException(Reason reason, Members actual, String detail) {
        super(reason + ": " + detail + "; the members are " + actual, null, false, false);
        this.reason = Objects.requireNonNull(reason, "reason");
        this.actual = Objects.requireNonNull(actual, "actual");
    }

    public Reason reason() {
        return reason;
    }

    /** The members as this leader knows them. */
    public Members actual() {
        return actual;
    }
}
