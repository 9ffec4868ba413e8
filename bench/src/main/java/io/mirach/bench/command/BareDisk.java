package io.mirach.bench.command;

import com.sun.nio.file.ExtendedOpenOption;
import io.mirach.cli.ByteSize;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.HdrHistogram.Histogram;

/**
 * What a disk does without Mirach, measured in a file that is removed. Blocks the caller, and is
 * confined to it.
 */
final class BareDisk {
    private static final int BLOCK_BYTES = 4096;
    private static final int SEQUENTIAL_BYTES = 128 << 10;
    private static final long FSYNC_FILE_BYTES = 64L << 20;
    private static final long SEQUENTIAL_FILE_BYTES = 512L << 20;
    private static final long NEEDED_BYTES = 1L << 30;
    private static final long MAX_NANOS = 60_000_000_000L;

    private final Path folder;
    private final Duration time;

    /**
     * Writes of 4 KiB at random places, each followed by fdatasync before the next.
     *
     * @param writers how many do so at the same time
     */
    record FsyncRate(int writers, double iops, double p50Micros, double p99Micros) {}

    /**
     * @param directIo whether the page cache was passed by; fsync comes at the end in any case
     */
    record SequentialRate(double mebibytesPerSecond, boolean directIo) {}

    /**
     * @param time of each measurement
     */
    BareDisk(Path folder, Duration time) {
        this.folder = folder;
        this.time = time;
    }

    /** One rate per number of writers. */
    List<FsyncRate> fsyncRates(List<Integer> writers) {
        requireRoom();
        try (FileChannel file = temporary(Set.of())) {
            // Overwriting needs no allocation: as a log that is preallocated.
            fill(file);
            List<FsyncRate> rates = new ArrayList<>();
            for (int count : writers) {
                rates.add(fsyncRate(file, count));
            }
            return rates;
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private static void fill(FileChannel file) throws IOException {
        ByteBuffer noise = noise(1 << 20);
        for (long at = 0; at < FSYNC_FILE_BYTES; at += noise.capacity()) {
            writeFully(file, noise.rewind(), at);
        }
        file.force(true);
    }

    private FsyncRate fsyncRate(FileChannel file, int writers) {
        ExecutorService threads = Executors.newFixedThreadPool(writers);
        try {
            List<CompletableFuture<Histogram>> running = new ArrayList<>();
            long start = System.nanoTime();
            for (int i = 0; i < writers; i++) {
                long seed = i;
                running.add(CompletableFuture.supplyAsync(() -> writeAndSync(file, seed), threads));
            }
            Histogram all = new Histogram(MAX_NANOS, 3);
            for (CompletableFuture<Histogram> one : running) {
                all.add(Waiting.get(one, time.toSeconds() + 60, "the disk of " + folder));
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            return new FsyncRate(
                    writers,
                    all.getTotalCount() / seconds,
                    all.getValueAtPercentile(50) / 1e3,
                    all.getValueAtPercentile(99) / 1e3);
        } finally {
            threads.shutdownNow();
        }
    }

    private Histogram writeAndSync(FileChannel file, long seed) {
        Histogram latencies = new Histogram(MAX_NANOS, 3);
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer block = noise(BLOCK_BYTES);
        long start = System.nanoTime();
        long now = start;
        try {
            while (now - start < time.toNanos()) {
                long at = random.nextLong(FSYNC_FILE_BYTES / BLOCK_BYTES) * BLOCK_BYTES;
                writeFully(file, block.rewind(), at);
                file.force(false);
                long end = System.nanoTime();
                latencies.recordValue(Math.min(end - now, MAX_NANOS));
                now = end;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return latencies;
    }

    /** Writes of 128 KiB one after the other, and one fsync. */
    SequentialRate sequentialRate() {
        requireRoom();
        try {
            return sequentialRate(true);
        } catch (UnsupportedOperationException | IOException noDirectIo) {
            try {
                return sequentialRate(false);
            } catch (IOException e) {
                throw unusable(e);
            }
        }
    }

    private SequentialRate sequentialRate(boolean directIo) throws IOException {
        Set<OpenOption> options = directIo ? Set.of(ExtendedOpenOption.DIRECT) : Set.of();
        try (FileChannel file = temporary(options)) {
            ByteBuffer request = noise(SEQUENTIAL_BYTES);
            long start = System.nanoTime();
            long bytes = 0;
            while (bytes < SEQUENTIAL_FILE_BYTES && System.nanoTime() - start < time.toNanos()) {
                writeFully(file, request.rewind(), bytes);
                bytes += SEQUENTIAL_BYTES;
            }
            file.force(true);
            double seconds = (System.nanoTime() - start) / 1e9;
            return new SequentialRate(bytes / seconds / (1 << 20), directIo);
        }
    }

    private FileChannel temporary(Set<OpenOption> more) throws IOException {
        Set<OpenOption> options =
                new java.util.HashSet<>(
                        Set.of(
                                StandardOpenOption.CREATE_NEW,
                                StandardOpenOption.WRITE,
                                // On Linux the name goes at once, so that not even a kill leaves
                                // it.
                                StandardOpenOption.DELETE_ON_CLOSE));
        options.addAll(more);
        return FileChannel.open(folder.resolve(".mirach-bench-" + UUID.randomUUID()), options);
    }

    private static ByteBuffer noise(int bytes) {
        byte[] noise = new byte[bytes];
        new SplittableRandom(bytes).nextBytes(noise);
        // Direct I/O wants whole, aligned blocks.
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(bytes + BLOCK_BYTES).alignedSlice(BLOCK_BYTES);
        return buffer.limit(bytes).slice().put(noise).flip();
    }

    private static void writeFully(FileChannel file, ByteBuffer data, long at) throws IOException {
        long position = at;
        while (data.hasRemaining()) {
            position += file.write(data, position);
        }
    }

    private void requireRoom() {
        try {
            long free = Files.getFileStore(folder).getUsableSpace();
            if (free < NEEDED_BYTES) {
                throw new MirachException(
                                ErrorCode.NO_SPACE,
                                "the disk of "
                                        + folder
                                        + " has "
                                        + ByteSize.format(free)
                                        + " free, and measuring it takes "
                                        + ByteSize.format(NEEDED_BYTES))
                        .withRemedy("choose another folder with --disk DIR, or --skip-limits");
            }
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private MirachException unusable(IOException e) {
        return new MirachException(
                        ErrorCode.INVALID_ARGUMENT,
                        "cannot measure the disk of "
                                + folder
                                + ": "
                                + e.getClass().getSimpleName()
                                + ": "
                                + e.getMessage(),
                        e)
                .withRemedy("choose a folder that you may write with --disk DIR");
    }
}
