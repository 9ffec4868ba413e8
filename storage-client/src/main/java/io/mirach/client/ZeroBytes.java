package io.mirach.client;

import io.mirach.protocol.data.WriteRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/** Zeroes without an allocation: read-only slices of one buffer that all share. */
final class ZeroBytes {
    private static final ByteBuf ZEROES =
            Unpooled.unreleasableBuffer(
                    Unpooled.directBuffer(WriteRequest.MAX_BYTES)
                            .writeZero(WriteRequest.MAX_BYTES)
                            .asReadOnly());

    private ZeroBytes() {}

    /** At most 1 MiB. Releasing it does nothing. */
    static ByteBuf of(int lengthBytes) {
        return ZEROES.slice(0, lengthBytes);
    }
}
