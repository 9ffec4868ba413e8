package io.mirach.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;

/**
 * Gathers a WRITE's payload as it arrives. Memory follows the bytes that have arrived, never the
 * announced length. Pieces are kept as slices of what the socket delivered; only small ones are
 * copied together, since each slice keeps its whole buffer alive, and a client that sends byte by
 * byte would make millions of them.
 */
// Confined to the session's event loop.
final class PayloadCollector {
    private static final int SLICE_BYTES = 16 << 10;
    private static final int GATHER_BYTES = 64 << 10;

    private final ByteBufAllocator allocator;
    private CompositeByteBuf parts;
    private ByteBuf gathered;
    private int remainingBytes;

    PayloadCollector(ByteBufAllocator allocator) {
        this.allocator = allocator;
    }

    /** Starts the next payload. */
    void expect(int lengthBytes) {
        remainingBytes = lengthBytes;
    }

    boolean isComplete() {
        return remainingBytes == 0;
    }

    int remainingBytes() {
        return remainingBytes;
    }

    /** Moves what belongs to the payload from {@code in}, which stays the caller's. */
    void take(ByteBuf in) {
        int takenBytes = Math.min(remainingBytes, in.readableBytes());
        boolean whole = parts == null && gathered == null && takenBytes == remainingBytes;
        if (whole) {
            gathered = in.readRetainedSlice(takenBytes);
        } else if (takenBytes >= SLICE_BYTES) {
            add(in.readRetainedSlice(takenBytes));
        } else {
            gather(in, takenBytes);
        }
        remainingBytes -= takenBytes;
    }

    private void add(ByteBuf part) {
        sealGathered();
        parts().addComponent(true, part);
    }

    private void gather(ByteBuf in, int lengthBytes) {
        int left = lengthBytes;
        while (left > 0) {
            if (gathered == null) {
                gathered = allocator.buffer(Math.min(remainingBytes, GATHER_BYTES), GATHER_BYTES);
            }
            int step = Math.min(left, GATHER_BYTES - gathered.readableBytes());
            gathered.writeBytes(in, step);
            left -= step;
            if (gathered.readableBytes() == GATHER_BYTES) {
                sealGathered();
            }
        }
    }

    private void sealGathered() {
        if (gathered != null) {
            ByteBuf sealed = gathered;
            gathered = null;
            parts().addComponent(true, sealed);
        }
    }

    private CompositeByteBuf parts() {
        if (parts == null) {
            parts = allocator.compositeBuffer(Integer.MAX_VALUE);
        }
        return parts;
    }

    /** Hands the complete payload over to the caller. */
    ByteBuf complete() {
        if (parts == null) {
            ByteBuf only = gathered == null ? allocator.buffer(0, 0) : gathered;
            gathered = null;
            return only;
        }
        sealGathered();
        CompositeByteBuf whole = parts;
        parts = null;
        return whole;
    }

    void release() {
        if (gathered != null) {
            gathered.release();
            gathered = null;
        }
        if (parts != null) {
            parts.release();
            parts = null;
        }
    }
}
