package io.mirach.server.store;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * When to look for the space of deleted blocks while room on the disk is low. RocksDB would find it
 * in its own time, with the compactions that further writes bring; but on a full disk nobody
 * writes. Looking reads all keys, so it takes at most half of the time. Thread-safe.
 */
final class ReclaimPace {
    private static final long MIN_BLOCKS = 256;
    private static final long MIN_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier nanoTime;
    private final AtomicLong deletedBlocks = new AtomicLong();
    private volatile long begunNanos;
    private volatile long nextNanos;

    ReclaimPace(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.nextNanos = nanoTime.getAsLong();
    }

    /** Blocks were deleted, and the log position that says so is applied. */
    void deleted(long blocks) {
        deletedBlocks.addAndGet(blocks);
    }

    boolean isTime() {
        return nanoTime.getAsLong() - nextNanos >= 0;
    }

    boolean muchWasDeleted() {
        return deletedBlocks.get() >= MIN_BLOCKS;
    }

    /** Returns whether blocks were deleted since the last time. */
    boolean begin() {
        begunNanos = nanoTime.getAsLong();
        return deletedBlocks.getAndSet(0) > 0;
    }

    /**
     * @param succeeded otherwise it is tried again
     */
    void end(boolean succeeded) {
        if (!succeeded) {
            deletedBlocks.addAndGet(MIN_BLOCKS);
        }
        long now = nanoTime.getAsLong();
        nextNanos = now + Math.max(MIN_PAUSE_NANOS, now - begunNanos);
    }
}
