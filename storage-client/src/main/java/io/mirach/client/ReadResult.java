package io.mirach.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;

/**
 * Gathers the parts of one read. Each part is set by one thread; whoever joins or releases them
 * does so after all have settled.
 */
final class ReadResult {
    private final ByteBuf[] parts;

    ReadResult(int partCount) {
        this.parts = new ByteBuf[partCount];
    }

    /** Takes ownership of {@code bytes}. */
    void set(int index, ByteBuf bytes) {
        parts[index] = bytes;
    }

    /** All parts as one buffer, uncopied; the caller owns it. */
    ByteBuf joined(ByteBufAllocator allocator) {
        if (parts.length == 1) {
            return parts[0];
        }
        CompositeByteBuf whole = allocator.compositeDirectBuffer(parts.length);
        return whole.addComponents(true, parts);
    }

    /** Instead of joining, after a failure. */
    void release() {
        for (ByteBuf part : parts) {
            if (part != null) {
                part.release();
            }
        }
    }
}
