package io.mirach.bench;

import io.mirach.client.AttachedVolume;
import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
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
 * 4 KiB requests on a volume of a three-node cluster, the whole way but NBD: client, native
 * protocol, Raft with its fsyncs, RocksDB, and back, all in this JVM. The working set is written
 * once beforehand, and at the end of each trial every byte of it is compared with what was written.
 * Throughput is over a fixed number of requests outstanding; latency is of one at a time.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class ReplicatedVolumeBenchmark {
    private static final int FILL_DEPTH = 8;
    private static final AtomicInteger VOLUMES = new AtomicInteger();
    private static volatile Optional<LoopbackCluster> lent = Optional.empty();

    /**
     * Benchmarks in this JVM use {@code cluster}, each with a volume of its own, until what is
     * returned is closed; otherwise each starts one and ends it.
     */
    static AutoCloseable lend(LoopbackCluster cluster) {
        lent = Optional.of(cluster);
        return () -> lent = Optional.empty();
    }

    /** The cluster and its volume; one thread sends. */
    @State(Scope.Benchmark)
    public static class Cluster {
        /** A power of two. */
        @Param("64")
        int workingSetMiB;

        private Optional<TemporaryFolder> folder = Optional.empty();
        private LoopbackCluster cluster;
        private AttachedVolume volume;
        private KnownBlocks known;
        private int lastBlock;

        @Setup
        public void start(BenchmarkParams run) throws Exception {
            if (run.getThreads() != 1) {
                throw new IllegalArgumentException("one thread sends: run this with -t 1");
            }
            if (Integer.bitCount(workingSetMiB) != 1) {
                throw new IllegalArgumentException(
                        "the working set must be a power of two MiB: " + workingSetMiB);
            }
            if (lent.isPresent()) {
                cluster = lent.get();
            } else {
                folder = Optional.of(new TemporaryFolder("cluster"));
                cluster = LoopbackCluster.start(folder.get().path());
            }
            volume =
                    cluster.attachNew(
                            "bench-" + VOLUMES.incrementAndGet(), (long) workingSetMiB << 20);
            known = new KnownBlocks(workingSetMiB << 20 >> Block.SHIFT);
            RequestPipeline filling = new RequestPipeline(FILL_DEPTH);
            for (int block = 0; block < known.blockCount(); block += KnownBlocks.MAX_RUN_BLOCKS) {
                filling.submitted(write(block, KnownBlocks.MAX_RUN_BLOCKS));
            }
            filling.drain();
        }

        /**
         * Scattered, and each block once before any comes again, so that writes that are
         * outstanding together never overlap.
         */
        private int nextBlock() {
            // A full period by Hull and Dobell: odd increment, multiplier 1 modulo 4.
            lastBlock = (lastBlock * 1_664_525 + 1_013_904_223) & (known.blockCount() - 1);
            return lastBlock;
        }

        private CompletableFuture<Void> write(int firstBlock, int blockCount) {
            int content = known.draw();
            known.wrote(firstBlock, blockCount, content);
            return volume.write((long) firstBlock << Block.SHIFT, known.run(content, blockCount));
        }

        private CompletableFuture<Void> read(int firstBlock) {
            return volume.read((long) firstBlock << Block.SHIFT, Block.BYTES)
                    .thenAccept(
                            data -> {
                                try {
                                    known.checkStart(firstBlock, 1, data);
                                } finally {
                                    data.release();
                                }
                            });
        }

        @TearDown
        public void checkAndStop() throws Exception {
            try (KnownBlocks expected = known) {
                int run = KnownBlocks.MAX_RUN_BLOCKS;
                for (int block = 0; block < expected.blockCount(); block += run) {
                    ByteBuf data =
                            volume.read((long) block << Block.SHIFT, run << Block.SHIFT)
                                    .get(1, TimeUnit.MINUTES);
                    try {
                        expected.check(block, run, data);
                    } finally {
                        data.release();
                    }
                }
                volume.detach().get(1, TimeUnit.MINUTES);
                cluster.requireHealthy();
            } finally {
                if (folder.isPresent()) {
                    cluster.close();
                    folder.get().close();
                }
            }
        }
    }

    /** Requests outstanding. */
    @State(Scope.Benchmark)
    public static class Depth {
        @Param({"1", "32"})
        int depth;

        private RequestPipeline pipeline;

        @Setup
        public void open() {
            pipeline = new RequestPipeline(depth);
        }

        @TearDown(Level.Iteration)
        public void drain() throws Exception {
            pipeline.drain();
        }
    }

    /** One 4 KiB write, acknowledged: fsynced on a majority and applied. */
    @Benchmark
    public void write(Cluster cluster, Depth depth) throws Exception {
        depth.pipeline.submitted(cluster.write(cluster.nextBlock(), 1));
    }

    /** One 4 KiB read under the leader's read lease. */
    @Benchmark
    public void read(Cluster cluster, Depth depth) throws Exception {
        depth.pipeline.submitted(cluster.read(cluster.nextBlock()));
    }

    /** One 4 KiB write with none beside it, from its start to its acknowledgement. */
    @Benchmark
    @BenchmarkMode(Mode.SampleTime)
    @OutputTimeUnit(TimeUnit.MICROSECONDS)
    public void writeLatency(Cluster cluster) throws Exception {
        cluster.write(cluster.nextBlock(), 1).get(1, TimeUnit.MINUTES);
    }

    /** One 4 KiB read with none beside it, from its start to its data. */
    @Benchmark
    @BenchmarkMode(Mode.SampleTime)
    @OutputTimeUnit(TimeUnit.MICROSECONDS)
    public void readLatency(Cluster cluster) throws Exception {
        cluster.read(cluster.nextBlock()).get(1, TimeUnit.MINUTES);
    }
}
