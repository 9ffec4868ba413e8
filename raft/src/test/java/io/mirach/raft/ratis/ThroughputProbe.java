package io.mirach.raft.ratis;

import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Measures 4 KiB commands through three hosts in one JVM. Not a test: run its main method with the
 * depths to try.
 */
final class ThroughputProbe {
    private static final int COMMAND_BYTES = 4096;
    private static final int SECONDS = 8;

    private ThroughputProbe() {}

    public static void main(String[] args) throws Exception {
        Path directory = Files.createTempDirectory(Path.of(args[0]), "probe");
        int inFlight = Integer.parseInt(args[1]);
        try (TestCluster cluster =
                new TestCluster(
                        directory,
                        3,
                        config ->
                                new io.mirach.raft.RaftHostConfig(
                                        config.peerId(),
                                        config.storageDir(),
                                        config.address(),
                                        config.electionTimeoutMin(),
                                        config.electionTimeoutMax(),
                                        config.readLease(),
                                        config.readLeaseInterval(),
                                        config.maxEntryBytes(),
                                        inFlight,
                                        config.maxQueuedBytes(),
                                        config.checkpointBytes(),
                                        config.logRetentionBytes()),
                        LedgerStateMachine::discarding)) {
            UUID group = cluster.createGroup();
            ReplicatedLog<Receipt> log = cluster.leader(group).log(group);
            run(log, 32, 3, false); // Warm up.
            for (String depth : Arrays.copyOfRange(args, 2, args.length)) {
                run(log, Integer.parseInt(depth), SECONDS, true);
            }
        }
    }

    private static void run(ReplicatedLog<Receipt> log, int depth, int seconds, boolean print)
            throws InterruptedException {
        Semaphore places = new Semaphore(depth);
        AtomicInteger done = new AtomicInteger();
        AtomicLong batches = new AtomicLong();
        long[] latencies = new long[4_000_000];
        long cpu = cpuNanos();
        long threads = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount();
        long start = System.nanoTime();
        long end = start + seconds * 1_000_000_000L;
        byte[] payload = new byte[COMMAND_BYTES];
        while (System.nanoTime() < end) {
            places.acquire();
            ByteBuf command = PooledByteBufAllocator.DEFAULT.directBuffer(COMMAND_BYTES);
            command.writeBytes(payload);
            long sent = System.nanoTime();
            log.propose(command)
                    .whenComplete(
                            (receipt, failure) -> {
                                if (failure != null) {
                                    failure.printStackTrace();
                                } else {
                                    latencies[done.getAndIncrement()] = System.nanoTime() - sent;
                                    batches.addAndGet(1_000_000 / receipt.batchSize());
                                }
                                places.release();
                            });
        }
        places.acquire(depth);
        double took = (System.nanoTime() - start) / 1e9;
        int count = done.get();
        if (print) {
            long[] sorted = Arrays.copyOf(latencies, count);
            Arrays.sort(sorted);
            System.out.printf(
                    "depth %d: %.0f/s, p50 %.2f ms, p99 %.2f ms, %.1f commands per entry,"
                            + " %.0f us CPU per command, %d threads started%n",
                    depth,
                    count / took,
                    sorted[count / 2] / 1e6,
                    sorted[count * 99 / 100] / 1e6,
                    count / (batches.get() / 1e6),
                    (cpuNanos() - cpu) / 1e3 / count,
                    ManagementFactory.getThreadMXBean().getTotalStartedThreadCount() - threads);
        }
    }

    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
