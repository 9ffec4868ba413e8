package io.mirach.cli;

import io.mirach.protocol.ErrorCode;

/** What {@code mirach} exits with. The numbers never change. */
public enum ExitCode {
    OK(0, "done"),
    FAILED(1, "failed"),
    USAGE(2, "wrong usage, argument or configuration"),
    UNREACHABLE(3, "no node could be reached, or none answered in time"),
    REFUSED(4, "refused by the state of things, e.g. VOLUME_IN_USE, VOLUME_EXISTS"),
    NOT_FOUND(5, "the volume, snapshot, node or gateway does not exist"),
    UNHEALTHY(6, "status: health is ERROR; pg verify: replicas are not all proven equal"),
    UNKNOWN(7, "the outcome is unknown: look before you repeat"),
    NODE_FAILED(8, "node start only: the node ended itself, because its disk failed"),
    INTERRUPTED(130, "ended by Ctrl-C");

    private final int number;
    private final String meaning;

    ExitCode(int number, String meaning) {
        this.number = number;
        this.meaning = meaning;
    }

    public int number() {
        return number;
    }

    public String meaning() {
        return meaning;
    }

    /** The exit code for a failure. */
    public static ExitCode of(ErrorCode code) {
        return switch (code) {
            case OK -> OK;
            case INVALID_ARGUMENT, INVALID_CONFIG, OUT_OF_RANGE -> USAGE;
            case UNREACHABLE, TIMEOUT, SHUTTING_DOWN -> UNREACHABLE;
            case UNKNOWN_OUTCOME -> UNKNOWN;
            case NO_SUCH_VOLUME,
                    NO_SUCH_SNAPSHOT,
                    NO_SUCH_NODE,
                    NO_SUCH_GATEWAY,
                    NO_SUCH_PLACEMENT_GROUP ->
                    NOT_FOUND;
            case VOLUME_EXISTS,
                    VOLUME_IN_USE,
                    VOLUME_NOT_READY,
                    SNAPSHOT_EXISTS,
                    SNAPSHOT_NOT_READY,
                    SNAPSHOT_ABORTED,
                    TOO_MANY_SNAPSHOTS,
                    HAS_SNAPSHOTS,
                    NOT_ATTACHED,
                    NOT_INITIALISED,
                    ALREADY_INITIALISED,
                    NOT_ENOUGH_NODES,
                    NOT_LEADER,
                    NOT_READY,
                    BACK_PRESSURED,
                    FENCED,
                    READ_ONLY,
                    NO_SPACE,
                    CONFLICT,
                    WRONG_CLUSTER ->
                    REFUSED;
            case WRONG_PG,
                    STALE_MAP,
                    STALE_LAYER,
                    UNKNOWN_LAYER,
                    STALE_SEQUENCE,
                    CHECKSUM_MISMATCH,
                    DAMAGED_BLOCK,
                    UNSUPPORTED_VERSION,
                    MALFORMED,
                    FRAME_TOO_LARGE,
                    INTERNAL ->
                    FAILED;
        };
    }
}
