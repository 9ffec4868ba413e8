package io.mirach.bench;

import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * The store of one replica alone, with a node's settings: what apply and a read cost without log,
 * network and checks. The working set is written once beforehand, and at the end of each trial
 * every byte of it is compared with what was written.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class ChunkStoreBenchmark {
    /** Bytes per write or read: whole blocks, aligned to their length. */
    @Param({"4096", "131072"})
    int requestBytes;

    @Param("256")
    int workingSetMiB;

    private TemporaryFolder folder;
    private KnownBlocks known;
    private StoredVolume volume;
    private int requestBlocks;
    private int requestCount;

    /** How writes come. */
    @State(Scope.Benchmark)
    public static class Entry {
        @Param("1")
        int writesPerEntry;

        private final SplittableRandom random = new SplittableRandom(1);
        private int[] firstBlocks;

        @Setup
        public void size() {
            firstBlocks = new int[writesPerEntry];
        }
    }

    /** Where a thread reads. */
    @State(Scope.Thread)
    public static class Reader {
        private final SplittableRandom random =
                new SplittableRandom(Thread.currentThread().getId());
    }

    @Setup
    public void open(BenchmarkParams run) throws IOException {
        if (run.getBenchmark().endsWith(".write") && run.getThreads() != 1) {
            throw new IllegalArgumentException("one thread applies: run writes with -t 1");
        }
        known = new KnownBlocks(workingSetMiB << 20 >> Block.SHIFT);
        folder = new TemporaryFolder("store");
        volume = new StoredVolume(folder.path(), known.blockCount());
        for (int block = 0; block < known.blockCount(); block += KnownBlocks.MAX_RUN_BLOCKS) {
            volume.applyEntry(known, new int[] {block}, KnownBlocks.MAX_RUN_BLOCKS);
        }
        volume.checkpoint();
        requestBlocks = requestBytes >> Block.SHIFT;
        requestCount = known.blockCount() / requestBlocks;
    }

    /** One log entry, from its first change to its commit; each write at a random place. */
    @Benchmark
    public void write(Entry entry) {
        for (int i = 0; i < entry.writesPerEntry; i++) {
            entry.firstBlocks[i] = entry.random.nextInt(requestCount) * requestBlocks;
        }
        volume.applyEntry(known, entry.firstBlocks, requestBlocks);
    }

    /** One read at a random place into a direct buffer, every block's checksum verified. */
    @Benchmark
    public void read(Reader reader) {
        int firstBlock = reader.random.nextInt(requestCount) * requestBlocks;
        ByteBuf data = volume.read(firstBlock, requestBlocks);
        try {
            known.checkStart(firstBlock, requestBlocks, data);
        } finally {
            data.release();
        }
    }

    @TearDown
    public void checkAndClose() throws IOException, InterruptedException {
        try (TemporaryFolder removed = folder;
                KnownBlocks expected = known;
                StoredVolume stored = volume) {
            int run = KnownBlocks.MAX_RUN_BLOCKS;
            for (int block = 0; block < expected.blockCount(); block += run) {
                ByteBuf data = stored.read(block, run);
                try {
                    expected.check(block, run, data);
                } finally {
                    data.release();
                }
            }
        }
    }
}
