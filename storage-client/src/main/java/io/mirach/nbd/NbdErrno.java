package io.mirach.nbd;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.concurrent.CompletionException;

/**
 * The error values of the protocol's transmission phase. The only place where Mirach's errors turn
 * into them.
 */
enum NbdErrno {
    OK(0),
    EPERM(1),
    EIO(5),
    EINVAL(22),
    ENOSPC(28),
    EOVERFLOW(75),
    ENOTSUP(95),
    ESHUTDOWN(108);

    private final int number;

    NbdErrno(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    /** The errno for the failure of a request of that type ({@code CMD_...}). */
    static NbdErrno of(ErrorCode code, int commandType) {
        return switch (code) {
            case OK -> OK;
            // It is gone for good; the protocol tells the client to disconnect.
            case FENCED, NOT_ATTACHED, NO_SUCH_SNAPSHOT -> ESHUTDOWN;
            case NO_SPACE -> ENOSPC;
            case OUT_OF_RANGE -> outOfRange(commandType);
            case READ_ONLY -> EPERM;
            case INVALID_ARGUMENT -> EINVAL;
            default -> EIO;
        };
    }

    /** What a request past the end of the export gets. */
    static NbdErrno outOfRange(int commandType) {
        return commandType == NbdProtocol.CMD_WRITE || commandType == NbdProtocol.CMD_WRITE_ZEROES
                ? ENOSPC
                : EINVAL;
    }

    /** The failure as Mirach names it; INTERNAL for what is none of Mirach's. */
    static MirachException cause(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof MirachException known
                ? known
                : new MirachException(ErrorCode.INTERNAL, String.valueOf(cause), cause);
    }
}
