package io.mirach.bench;

import io.mirach.model.Block;
import io.mirach.nbd.ExportCatalog;
import io.mirach.nbd.ExportDescription;
import io.mirach.nbd.NbdExport;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
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

/**
 * What an NBD session itself costs: requests arrive as buffers on an embedded channel, the volume
 * behind the session is memory and answers at once, and the replies are taken from the channel. At
 * the end of each trial every byte of the volume is read through the session and compared with what
 * was written.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class NbdSessionBenchmark {
    private static final String EXPORT = "memory";
    private static final int LARGE_BLOCKS = KnownBlocks.MAX_RUN_BLOCKS;

    @Param("64")
    int workingSetMiB;

    /** As QEMU and libnbd agree on; false gives the replies of older clients. */
    @Param("true")
    boolean structuredReplies;

    private final SplittableRandom random = new SplittableRandom(1);
    private KnownBlocks known;
    private MemoryVolume volume;
    private EmbeddedNbdClient client;

    @Setup
    public void open() {
        int sizeBytes = workingSetMiB << 20;
        known = new KnownBlocks(sizeBytes >> Block.SHIFT);
        volume = new MemoryVolume(EXPORT, sizeBytes);
        client = new EmbeddedNbdClient(new OneExport(volume), EXPORT, structuredReplies);
        for (int block = 0; block < known.blockCount(); block += LARGE_BLOCKS) {
            write(block, LARGE_BLOCKS);
        }
    }

    /** One 4 KiB write at a random block: from the request's arrival to its reply. */
    @Benchmark
    public void write4KiB() {
        write(random.nextInt(known.blockCount()), 1);
    }

    /** One 4 KiB read at a random block: from the request's arrival to its data. */
    @Benchmark
    public void read4KiB() {
        read(random.nextInt(known.blockCount()), 1);
    }

    /** One 128 KiB read, aligned to its length: from the request's arrival to its data. */
    @Benchmark
    public void read128KiB() {
        read(random.nextInt(known.blockCount() / LARGE_BLOCKS) * LARGE_BLOCKS, LARGE_BLOCKS);
    }

    private void write(int firstBlock, int blockCount) {
        int content = known.draw();
        client.write((long) firstBlock << Block.SHIFT, known.run(content, blockCount));
        known.wrote(firstBlock, blockCount, content);
    }

    private void read(int firstBlock, int blockCount) {
        ByteBuf data = client.read((long) firstBlock << Block.SHIFT, blockCount << Block.SHIFT);
        try {
            known.checkStart(firstBlock, blockCount, data);
        } finally {
            data.release();
        }
    }

    @TearDown
    public void checkAndClose() {
        try (KnownBlocks expected = known;
                EmbeddedNbdClient reader = client) {
            for (int block = 0; block < expected.blockCount(); block += LARGE_BLOCKS) {
                ByteBuf data =
                        reader.read((long) block << Block.SHIFT, LARGE_BLOCKS << Block.SHIFT);
                try {
                    expected.check(block, LARGE_BLOCKS, data);
                } finally {
                    data.release();
                }
            }
        }
        if (!volume.closed().isDone()) {
            throw new IllegalStateException("the session did not leave its export");
        }
    }

    /** Offers one volume, which is detached when its session leaves. */
    private record OneExport(MemoryVolume volume) implements ExportCatalog {
        private ExportDescription description() {
            return new ExportDescription(volume.name(), volume.sizeBytes(), false, "");
        }

        @Override
        public List<ExportDescription> list() {
            return List.of(description());
        }

        @Override
        public CompletableFuture<Optional<ExportDescription>> describe(String name) {
            return CompletableFuture.completedFuture(
                    Optional.of(description()).filter(export -> export.name().equals(name)));
        }

        @Override
        public CompletableFuture<NbdExport> open(String name) {
            return CompletableFuture.completedFuture(
                    new NbdExport(description(), volume, left -> volume.detach()));
        }
    }
}
