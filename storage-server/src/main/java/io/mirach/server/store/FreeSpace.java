package io.mirach.server.store;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the room on a data dir's disk, so that writes are refused before the Raft log or RocksDB
 * runs out of it: that would end the process. What is kept back is enough to go on logging
 * discards, deletions and fences, and to compact. Thread-safe; asking never blocks.
 */
final class FreeSpace implements AutoCloseable {
    /** Measures the disk. */
    interface Probe {
        long usableBytes() throws IOException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(FreeSpace.class);
    private static final long MAX_RESERVE_BYTES = 1L << 30;
    private static final int RESERVE_PART = 20;
    private static final int SCARCE_PART = 10;
    private static final long INTERVAL_MS = 500;

    private final Path dir;
    private final Probe probe;
    private final long reserveBytes;
    private final long scarceBytes;
    private final ScheduledExecutorService executor;
    private volatile boolean low;
    private volatile boolean scarce;

    /**
     * @param reserveBytes less than so many are low
     * @param scarceBytes less than so many are scarce
     */
    FreeSpace(Path dir, Probe probe, long reserveBytes, long scarceBytes) throws IOException {
        this.dir = dir;
        this.probe = probe;
        this.reserveBytes = reserveBytes;
        this.scarceBytes = scarceBytes;
        long usableBytes = probe.usableBytes();
        this.low = usableBytes < reserveBytes;
        this.scarce = usableBytes < scarceBytes;
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

    /** Keeps back a twentieth of the disk, at most 1 GiB; its last tenth is scarce. */
    static FreeSpace of(Path dir) throws IOException {
        FileStore disk = Files.getFileStore(dir);
        long totalBytes = disk.getTotalSpace();
        long reserveBytes = Math.min(MAX_RESERVE_BYTES, totalBytes / RESERVE_PART);
        return new FreeSpace(dir, disk::getUsableSpace, reserveBytes, totalBytes / SCARCE_PART);
    }

    /** Whether writes are to be refused. */
    boolean isLow() {
        return low;
    }

    /** Whether room is worth some work: garbage is to be collected harder. */
    boolean isScarce() {
        return scarce;
    }

    private void measure() {
        long usableBytes;
        try {
            usableBytes = probe.usableBytes();
        } catch (IOException e) {
            LOG.warn("cannot measure the disk of {}: {}", dir, e.toString());
            return;
        }
        boolean nowLow = usableBytes < reserveBytes;
        if (nowLow && !low) {
            LOG.error(
                    "{} has {} MiB left: writes are refused until it has {} MiB",
                    dir,
                    usableBytes >> 20,
                    reserveBytes >> 20);
        } else if (!nowLow && low) {
            LOG.info("{} has {} MiB left: writes go on", dir, usableBytes >> 20);
        }
        low = nowLow;
        scarce = usableBytes < scarceBytes;
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
