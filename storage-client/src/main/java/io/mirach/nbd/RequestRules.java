package io.mirach.nbd;

import io.mirach.model.Block;

/** What the protocol allows a client to ask of one export. Immutable. */
final class RequestRules {
    private final long sizeBytes;
    private final boolean readOnly;
    private final boolean structuredReplies;
    private final boolean statusAgreed;

    RequestRules(
            long sizeBytes, boolean readOnly, boolean structuredReplies, boolean statusAgreed) {
        this.sizeBytes = sizeBytes;
        this.readOnly = readOnly;
        this.structuredReplies = structuredReplies;
        this.statusAgreed = statusAgreed;
    }

    /** What a request is to be refused with; OK if it is to be carried out. */
    NbdErrno check(Request request) {
        int known = flagsOf(request.type);
        if (known < 0 || (request.flags & ~known) != 0) {
            return NbdErrno.EINVAL;
        }
        if (readOnly && changes(request.type)) {
            return NbdErrno.EPERM;
        }
        return switch (request.type) {
            case NbdProtocol.CMD_READ -> checkRead(request);
            case NbdProtocol.CMD_WRITE ->
                    request.lengthBytes > NbdProtocol.MAX_PAYLOAD_BYTES
                            ? NbdErrno.EINVAL
                            : checkRange(request);
            case NbdProtocol.CMD_FLUSH ->
                    request.offsetBytes == 0 && request.lengthBytes == 0
                            ? NbdErrno.OK
                            : NbdErrno.EINVAL;
            case NbdProtocol.CMD_WRITE_ZEROES -> checkZeroes(request);
            case NbdProtocol.CMD_BLOCK_STATUS ->
                    statusAgreed && request.lengthBytes > 0 ? checkRange(request) : NbdErrno.EINVAL;
            default -> checkRange(request);
        };
    }

    private NbdErrno checkRead(Request request) {
        if (request.lengthBytes > NbdProtocol.MAX_PAYLOAD_BYTES) {
            // EOVERFLOW tells to retry with less, but exists only with structured replies.
            return structuredReplies ? NbdErrno.EOVERFLOW : NbdErrno.EINVAL;
        }
        return checkRange(request);
    }

    private NbdErrno checkZeroes(Request request) {
        NbdErrno range = checkRange(request);
        if (range != NbdErrno.OK || !request.has(NbdProtocol.CMD_FLAG_FAST_ZERO)) {
            return range;
        }
        // Holes are made without moving data, once per extent. Stored zeroes cost what a write
        // costs, and so does patching within one block.
        return request.has(NbdProtocol.CMD_FLAG_NO_HOLE) || !holdsWholeBlock(request)
                ? NbdErrno.ENOTSUP
                : NbdErrno.OK;
    }

    private NbdErrno checkRange(Request request) {
        return request.liesWithin(sizeBytes) ? NbdErrno.OK : NbdErrno.outOfRange(request.type);
    }

    private static boolean holdsWholeBlock(Request request) {
        long firstWholeBlock = Block.indexOf(request.offsetBytes + Block.BYTES - 1);
        return firstWholeBlock < Block.indexOf(request.offsetBytes + request.lengthBytes);
    }

    private static boolean changes(int type) {
        return type == NbdProtocol.CMD_WRITE
                || type == NbdProtocol.CMD_TRIM
                || type == NbdProtocol.CMD_WRITE_ZEROES;
    }

    /** The flags that a command may carry, -1 for a command that does not exist. */
    private int flagsOf(int type) {
        return switch (type) {
            case NbdProtocol.CMD_READ ->
                    structuredReplies
                            ? NbdProtocol.CMD_FLAG_FUA | NbdProtocol.CMD_FLAG_DF
                            : NbdProtocol.CMD_FLAG_FUA;
            case NbdProtocol.CMD_WRITE,
                    NbdProtocol.CMD_FLUSH,
                    NbdProtocol.CMD_TRIM,
                    NbdProtocol.CMD_CACHE ->
                    NbdProtocol.CMD_FLAG_FUA;
            case NbdProtocol.CMD_WRITE_ZEROES ->
                    NbdProtocol.CMD_FLAG_FUA
                            | NbdProtocol.CMD_FLAG_NO_HOLE
                            | NbdProtocol.CMD_FLAG_FAST_ZERO;
            case NbdProtocol.CMD_BLOCK_STATUS ->
                    NbdProtocol.CMD_FLAG_FUA | NbdProtocol.CMD_FLAG_REQ_ONE;
            default -> -1;
        };
    }

    /** Why a request was refused, for people. */
    String explain(Request request, NbdErrno errno) {
        int known = flagsOf(request.type);
        if (known < 0) {
            return "unknown command " + request.type;
        }
        if ((request.flags & ~known) != 0) {
            return "command " + request.type + " does not take flags " + request.flags;
        }
        return switch (errno) {
            case EPERM -> "the export is read-only";
            case ENOTSUP -> "zeroing this is no faster than writing";
            case EOVERFLOW -> "at most 32 MiB can be read at once";
            default -> {
                if (!request.liesWithin(sizeBytes)) {
                    yield request + " is outside the export of " + sizeBytes + " bytes";
                }
                yield request.lengthBytes > NbdProtocol.MAX_PAYLOAD_BYTES
                        ? "at most 32 MiB can be written at once"
                        : request + " is not valid here";
            }
        };
    }
}
