package io.mirach.client;

import io.mirach.model.BlockRange;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Block I/O on a volume, or on a snapshot of one. Thread-safe; never blocks. Any byte range within
 * the volume is accepted; a range outside it fails with OUT_OF_RANGE. Requests may complete in any
 * order; two that overlap and are in flight together take effect in either order, block by block.
 * Failures are {@link MirachException}s; retries and re-routing happen inside.
 */
public interface VolumeIo {
    /** {@code VOLUME} or {@code VOLUME@SNAPSHOT}. */
    String name();

    long sizeBytes();

    boolean readOnly();

    /**
     * Reads {@code lengthBytes} bytes, at most 32 MiB. The caller owns the buffer, which may be
     * composite, read-only, or a slice of what was received; holes are filled with zeroes. Every
     * block's checksum was verified.
     */
    CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes);

    /**
     * Writes the readable bytes, at most 32 MiB. Takes ownership. Durable on a majority when
     * complete.
     */
    CompletableFuture<Void> write(long offsetBytes, ByteBuf data);

    /**
     * Makes the range read as zeroes.
     *
     * @param keepAllocated store the zeroes (no hole); otherwise the range takes no space
     *     afterwards
     */
    CompletableFuture<Void> writeZeroes(long offsetBytes, long lengthBytes, boolean keepAllocated);

    /** Gives the whole blocks inside the range back (rounded inward); they read as zeroes. */
    CompletableFuture<Void> discard(long offsetBytes, long lengthBytes);

    /** Completes once every write that was acknowledged before the call is durable. */
    CompletableFuture<Void> flush();

    /**
     * The allocated runs of blocks that touch the range, ascending and disjoint; the rest are
     * holes.
     *
     * @param maxRuns when there are more, the answer covers less than the range, at least one block
     */
    CompletableFuture<Allocation> allocation(long offsetBytes, long lengthBytes, int maxRuns);

    /** Completes when this ends: normally when its user ends it, else exceptionally. */
    CompletableFuture<Void> closed();

    /**
     * @param coveredEndBlock the answer holds for blocks below it
     */
    record Allocation(long coveredEndBlock, List<BlockRange> allocated) {
        public Allocation {
            allocated = List.copyOf(allocated);
        }
    }
}
