package io.mirach.admin;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.Objects;

/**
 * The body of every answer that is not a success.
 *
 * @param code an {@link ErrorCode}'s name
 * @param detail the cause, for people
 * @param remedy what to do about it, often a command; empty if nothing is known
 */
public record ErrorView(String code, String detail, String remedy) {
    public ErrorView {
        Objects.requireNonNull(code, "code");
        detail = Objects.requireNonNullElse(detail, "");
        remedy = Objects.requireNonNullElse(remedy, "");
    }

    public static ErrorView of(MirachException e) {
        return new ErrorView(
                e.code().name(), Objects.requireNonNullElse(e.getMessage(), ""), e.remedy());
    }

    /** A code that this build does not know becomes INTERNAL, its name kept in the detail. */
    public MirachException toException() {
        for (ErrorCode known : ErrorCode.values()) {
            if (known.name().equals(code)) {
                return new MirachException(known, detail).withRemedy(remedy);
            }
        }
        return new MirachException(ErrorCode.INTERNAL, code + ": " + detail).withRemedy(remedy);
    }

    /** The HTTP status that goes with a code. */
    public static int httpStatusOf(ErrorCode code) {
        return switch (code) {
            case OK -> 200;
            case INVALID_ARGUMENT, MALFORMED, OUT_OF_RANGE, UNSUPPORTED_VERSION, INVALID_CONFIG ->
                    400;
            case NO_SUCH_VOLUME,
                    NO_SUCH_SNAPSHOT,
                    NO_SUCH_NODE,
                    NO_SUCH_PLACEMENT_GROUP,
                    NO_SUCH_GATEWAY,
                    NOT_ATTACHED ->
                    404;
            case VOLUME_EXISTS,
                    SNAPSHOT_EXISTS,
                    SNAPSHOT_ABORTED,
                    TOO_MANY_SNAPSHOTS,
                    HAS_SNAPSHOTS,
                    VOLUME_IN_USE,
                    CONFLICT,
                    ALREADY_INITIALISED,
                    NOT_INITIALISED,
                    WRONG_CLUSTER,
                    FENCED,
                    READ_ONLY,
                    NOT_ENOUGH_NODES ->
                    409;
            case FRAME_TOO_LARGE -> 413;
            case BACK_PRESSURED -> 429;
            case NOT_LEADER,
                    NOT_READY,
                    VOLUME_NOT_READY,
                    SNAPSHOT_NOT_READY,
                    SHUTTING_DOWN,
                    UNREACHABLE,
                    STALE_MAP,
                    WRONG_PG ->
                    503;
            case TIMEOUT, UNKNOWN_OUTCOME -> 504;
            case NO_SPACE -> 507;
            case STALE_LAYER,
                    UNKNOWN_LAYER,
                    STALE_SEQUENCE,
                    CHECKSUM_MISMATCH,
                    DAMAGED_BLOCK,
                    INTERNAL ->
                    500;
        };
    }
}
