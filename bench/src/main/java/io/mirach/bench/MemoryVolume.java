package io.mirach.bench;

import io.mirach.client.AttachedVolume;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A volume in memory whose requests are complete when they return, so that what is measured above
 * it is the cost of what is above it: a write is one copy, a read a slice. A slice that is still
 * held shows later writes. Confined to one thread.
 */
final class MemoryVolume implements AttachedVolume {
    private static final CompletableFuture<Void> DONE = CompletableFuture.completedFuture(null);

    private final String name;
    private final ByteBuf bytes;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();

    /** All zeroes, and all of it allocated. */
    MemoryVolume(String name, int sizeBytes) {
        this.name = name;
        this.bytes = Unpooled.directBuffer(sizeBytes, sizeBytes).writeZero(sizeBytes);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Epoch epoch() {
        return new Epoch(1);
    }

    @Override
    public long sizeBytes() {
        return bytes.capacity();
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return CompletableFuture.completedFuture(
                bytes.retainedSlice(Math.toIntExact(offsetBytes), lengthBytes));
    }

    @Override
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        try {
            bytes.setBytes(Math.toIntExact(offsetBytes), data, data.readableBytes());
            return DONE;
        } finally {
            data.release();
        }
    }

    @Override
    public CompletableFuture<Void> writeZeroes(
            long offsetBytes, long lengthBytes, boolean keepAllocated) {
        bytes.setZero(Math.toIntExact(offsetBytes), Math.toIntExact(lengthBytes));
        return DONE;
    }

    @Override
    public CompletableFuture<Void> discard(long offsetBytes, long lengthBytes) {
        long from = Block.indexOf(offsetBytes + Block.BYTES - 1);
        long end = Block.indexOf(offsetBytes + lengthBytes);
        return from < end
                ? writeZeroes(from << Block.SHIFT, (end - from) << Block.SHIFT, false)
                : DONE;
    }

    @Override
    public CompletableFuture<Void> flush() {
        return DONE;
    }

    @Override
    public CompletableFuture<Allocation> allocation(
            long offsetBytes, long lengthBytes, int maxRuns) {
        BlockRange touched = BlockRange.covering(offsetBytes, lengthBytes);
        return CompletableFuture.completedFuture(
                new Allocation(touched.endBlock(), List.of(touched)));
    }

    @Override
    public CompletableFuture<Void> closed() {
        return closed;
    }

    @Override
    public CompletableFuture<MirachException> explanation() {
        return closed.thenApply(
                detached -> new MirachException(ErrorCode.NOT_ATTACHED, name + " was detached"));
    }

    @Override
    public CompletableFuture<Void> detach() {
        if (closed.complete(null)) {
            bytes.release();
        }
        return DONE;
    }
}
