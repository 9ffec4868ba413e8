package io.mirach.nbd;

import io.netty.buffer.ByteBuf;

/** A transmission request from its header to its reply. */
// Confined to the session's event loop, except that the outcome is set by whoever completes the
// volume's future, before the request goes through FinishedRequests.
final class Request {
    final long cookie;
    final int type;
    final int flags;
    final long offsetBytes;

    /** Unsigned 32 bits. */
    final long lengthBytes;

    /** Bytes of memory held for the payload of the request or of its reply. */
    long reservedBytes;

    /** Whether they came from the budget that all sessions share. */
    boolean pooled;

    /** The reply's payload; owned by this until the reply is written. */
    ByteBuf replyData;

    /** Null if the volume did as asked. */
    Throwable failure;

    /** Links finished requests. */
    Request next;

    Request(long cookie, int type, int flags, long offsetBytes, long lengthBytes) {
        this.cookie = cookie;
        this.type = type;
        this.flags = flags;
        this.offsetBytes = offsetBytes;
        this.lengthBytes = lengthBytes;
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    /** Offset and length are unsigned on the wire; nothing here may wrap. */
    boolean liesWithin(long sizeBytes) {
        return offsetBytes >= 0
                && offsetBytes <= sizeBytes
                && lengthBytes <= sizeBytes - offsetBytes;
    }

    @Override
    public String toString() {
        return "command "
                + type
                + " at "
                + Long.toUnsignedString(offsetBytes)
                + " + "
                + lengthBytes;
    }
}
