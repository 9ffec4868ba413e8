package io.mirach.server.store;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the room on a data dir's disk, so that writes are refused before the Raft log or RocksDB
 * runs out of it: that would end the process. What is kept back is enough to go on logging
 * discards, deletions and fences, to flush, and to compact. Thread-safe; asking never blocks.
 */
final class FreeSpace implements AutoCloseable {
    /** Measures the disk. */
    interface Probe {
        long usableBytes() throws IOException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(FreeSpace.class);
    // A disk takes some 10 to 100 MiB meanwhile, and asking costs a few microseconds.
    private static final long INTERVAL_MS = 100;

    private final Path dir;
    private final Probe probe;
    private final RoomLimits limits;
    private final ScheduledExecutorService executor;
    private final List<Runnable> whileLow = new CopyOnWriteArrayList<>();
    private volatile long usableBytes;
    private volatile Room room = Room.AMPLE;

    FreeSpace(Path dir, Probe probe, RoomLimits limits) throws IOException {
        this.dir = dir;
        this.probe = probe;
        this.limits = limits;
        judge(probe.usableBytes());
        this.executor =
                Executors.newSingleThreadScheduledExecutor(
                        task -> {
                            Thread thread = new Thread(task, "store-space-" + dir.getFileName());
                            thread.setDaemon(true);
                            return thread;
                        });
        executor.scheduleWithFixedDelay(
                this::measure, INTERVAL_MS, INTERVAL_MS, TimeUnit.MILLISECONDS);
    }

    /**
     * @param writeBufferBytes that may have to be flushed to this disk
     */
    static FreeSpace of(Path dir, long writeBufferBytes) throws IOException {
        FileStore disk = Files.getFileStore(dir);
        return new FreeSpace(
                dir, disk::getUsableSpace, RoomLimits.of(disk.getTotalSpace(), writeBufferBytes));
    }

    Room room() {
        return room;
    }

    /** Whether writes are to be refused. */
    boolean isLow() {
        return room == Room.LOW;
    }

    /** Whether room is worth some work: garbage is to be collected harder. */
    boolean isScarce() {
        return room != Room.AMPLE;
    }

    /** What was free when it was last measured. */
    long usableBytes() {
        return usableBytes;
    }

    /**
     * Calls {@code task} several times per second while room is low, and when it no longer is. It
     * must not block.
     */
    void whileLow(Runnable task) {
        whileLow.add(task);
    }

    void forget(Runnable task) {
        whileLow.remove(task);
    }

    private void measure() {
        try {
            boolean wasLow = isLow();
            judge(probe.usableBytes());
            if (wasLow || isLow()) {
                whileLow.forEach(Runnable::run);
            }
        } catch (IOException | RuntimeException e) {
            // A task that throws is not run again.
            LOG.warn("cannot measure the disk of {}: {}", dir, e.toString());
        }
    }

    private void judge(long nowUsableBytes) {
        boolean wasLow = isLow();
        usableBytes = nowUsableBytes;
        room = limits.judge(nowUsableBytes, wasLow);
        if (isLow() && !wasLow) {
            LOG.error(
                    "{} has {} MiB left: writes are refused until it has {} MiB",
                    dir,
                    nowUsableBytes >> 20,
                    limits.enoughBytes() >> 20);
        } else if (!isLow() && wasLow) {
            LOG.info("{} has {} MiB left: writes go on", dir, nowUsableBytes >> 20);
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
