package io.mirach.protocol;

import java.util.Optional;

/**
 * Every way a request can end. Numbers go over the wire and never change or get a second meaning.
 */
public enum ErrorCode {
    OK(0, Handling.DONE),

    NOT_LEADER(1, Handling.REROUTE),
    NOT_READY(2, Handling.RETRY),
    BACK_PRESSURED(3, Handling.RETRY),
    /** The slot is not (or no longer, or not yet) served by this placement group. */
    WRONG_PG(4, Handling.REROUTE),
    /** The request was made with an older cluster map than it needs. */
    STALE_MAP(5, Handling.REROUTE),
    /** May have taken effect, or may yet: retry under the same identity. */
    UNKNOWN_OUTCOME(6, Handling.UNKNOWN),
    /** The connection broke or could not be made; whether the request arrived is unknown. */
    UNREACHABLE(7, Handling.UNKNOWN),
    TIMEOUT(8, Handling.UNKNOWN),
    SHUTTING_DOWN(9, Handling.REROUTE),

    NO_SUCH_VOLUME(20, Handling.FAIL),
    VOLUME_EXISTS(21, Handling.FAIL),
    /**
     * The layer named as head is sealed: learn the new head and send again with the same sequence
     * number.
     */
    STALE_LAYER(22, Handling.REROUTE),
    UNKNOWN_LAYER(23, Handling.REROUTE),
    /** The attachment was revoked; final. */
    FENCED(24, Handling.FAIL),
    /** The sequence number is below the window: its outcome was acknowledged long ago. */
    STALE_SEQUENCE(25, Handling.FAIL),
    VOLUME_IN_USE(26, Handling.FAIL),
    VOLUME_NOT_READY(27, Handling.RETRY),
    OUT_OF_RANGE(28, Handling.FAIL),
    READ_ONLY(29, Handling.FAIL),
    NO_SUCH_SNAPSHOT(30, Handling.FAIL),
    SNAPSHOT_EXISTS(31, Handling.FAIL),
    /** It is still being taken. */
    SNAPSHOT_NOT_READY(32, Handling.RETRY),
    /** It could not be taken in time, and is not there. */
    SNAPSHOT_ABORTED(33, Handling.FAIL),
    /** The volume has as many snapshots as it may have. */
    TOO_MANY_SNAPSHOTS(34, Handling.FAIL),
    /** The volume has snapshots, which would be deleted with it. */
    HAS_SNAPSHOTS(35, Handling.FAIL),

    CHECKSUM_MISMATCH(40, Handling.FAIL),
    /** This replica's copy is damaged; another replica can answer once it leads. */
    DAMAGED_BLOCK(41, Handling.REROUTE),
    NO_SPACE(42, Handling.FAIL),

    NOT_INITIALISED(60, Handling.FAIL),
    ALREADY_INITIALISED(61, Handling.FAIL),
    WRONG_CLUSTER(62, Handling.FAIL),
    NO_SUCH_NODE(63, Handling.FAIL),
    NO_SUCH_PLACEMENT_GROUP(64, Handling.REROUTE),
    NO_SUCH_GATEWAY(65, Handling.FAIL),
    NOT_ENOUGH_NODES(66, Handling.FAIL),
    NOT_ATTACHED(67, Handling.FAIL),

    INVALID_ARGUMENT(80, Handling.FAIL),
    UNSUPPORTED_VERSION(81, Handling.FAIL),
    MALFORMED(82, Handling.FAIL),
    FRAME_TOO_LARGE(83, Handling.FAIL),
    INTERNAL(84, Handling.FAIL),
    CONFLICT(85, Handling.FAIL),
    INVALID_CONFIG(86, Handling.FAIL);

    /** What the one who asked does next. */
    public enum Handling {
        DONE,
        /** Ask the same place again, later. Nothing took effect. */
        RETRY,
        /** Refresh the map or the leader and ask there. Nothing took effect. */
        REROUTE,
        /** Ask again, anywhere, under the same identity. */
        UNKNOWN,
        /** Tell the user. Nothing took effect. */
        FAIL
    }

    private final int number;
    private final Handling handling;

    ErrorCode(int number, Handling handling) {
        this.number = number;
        this.handling = handling;
    }

    public int number() {
        return number;
    }

    public Handling handling() {
        return handling;
    }

    public static Optional<ErrorCode> ofNumber(int number) {
        for (ErrorCode code : values()) {
            if (code.number == number) {
                return Optional.of(code);
            }
        }
        return Optional.empty();
    }
}
