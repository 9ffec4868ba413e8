package io.mirach.protocol;

import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * The one exception that crosses Mirach's seams: its code says retry, re-route or fail; its detail
 * is for people.
 */
public final class MirachException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorCode code;
    private final transient Optional<UUID> leaderHint;
    private final String remedy;

    public MirachException(ErrorCode code, String detail) {
        this(code, detail, null, Optional.empty(), "");
    }

    public MirachException(ErrorCode code, String detail, Throwable cause) {
        this(code, detail, cause, Optional.empty(), "");
    }

    private MirachException(
            ErrorCode code,
            String detail,
            Throwable cause,
            Optional<UUID> leaderHint,
            String remedy) {
        super(detail, cause);
        this.code = Objects.requireNonNull(code, "code");
        this.leaderHint = Objects.requireNonNull(leaderHint, "leaderHint");
        this.remedy = Objects.requireNonNull(remedy, "remedy");
    }

    /**
     * NOT_LEADER.
     *
     * @param leader the data dir that is believed to lead
     */
    public static MirachException notLeader(Optional<UUID> leader) {
        return new MirachException(
                ErrorCode.NOT_LEADER, "this replica does not lead", null, leader, "");
    }

    /** The same failure, saying what a person can do about it. */
    public MirachException withRemedy(String whatToDo) {
        return new MirachException(code, getMessage(), this, leaderHint, whatToDo);
    }

    public ErrorCode code() {
        return code;
    }

    /** With NOT_LEADER: the data dir that is believed to lead. */
    public Optional<UUID> leaderHint() {
        return leaderHint;
    }

    /** What a person can do about it, often a command; empty if nothing is known. */
    public String remedy() {
        return remedy;
    }

    @Override
    public String toString() {
        return code + ": " + getMessage();
    }
}
