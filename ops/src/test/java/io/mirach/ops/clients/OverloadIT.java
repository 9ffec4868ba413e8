package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.model.Attachment;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * 64 connections push writes of 32 MiB in all, each, through the gateway and then straight to a
 * node, while one replica is stopped. Processes run with the memory that the launcher gives them,
 * of which what is pushed is many times as much. With {@code -Dmirach.overload=all} every write is
 * waited for, instead of the first of each.
 */
class OverloadIT {
    private static final int CONNECTIONS = 64;
    private static final boolean ALL = "all".equals(System.getProperty("mirach.overload"));
    private static final Duration LIMIT = Duration.ofMinutes(ALL ? 30 : 5);
    private static final long MAX_PEAK_BYTES = 1400L << 20;

    @Test
    void memoryStaysBoundedAndEveryoneIsServedThoughAReplicaIsStopped() throws Exception {
        try (DevCluster cluster = DevCluster.startAsUsersDo()) {
            List<Long> pids = pids(cluster);
            ProcessHandle stopped = node(cluster, 3);
            signal("STOP", stopped);
            try {
                pushThroughTheGateway(cluster);
                pushToANode(cluster);
            } finally {
                signal("CONT", stopped);
            }
            assertThat(pids(cluster)).as("all live on").isEqualTo(pids);
            for (long pid : pids) {
                assertThat(peakBytes(pid)).as("peak memory of " + pid).isLessThan(MAX_PEAK_BYTES);
            }
            for (String name : List.of("gateway", "node-1", "node-2", "node-3")) {
                assertThat(cluster.dir().resolve(name + ".log"))
                        .content()
                        .doesNotContain("OutOfMemory", "OutOfDirectMemory");
            }
        }
    }

    private static void pushThroughTheGateway(DevCluster cluster) throws Exception {
        InetSocketAddress gateway = new InetSocketAddress("127.0.0.1", cluster.basePort());
        try (LargeNbdWrites writes = new LargeNbdWrites(gateway, "demo", CONNECTIONS - 1, 4)) {
            long start = System.nanoTime();
            writes.start();
            // Others wait for their turn, and do not fail meanwhile.
            int wanted = ALL ? CONNECTIONS - 1 : 12;
            await().atMost(LIMIT)
                    .until(() -> writes.answered() >= wanted || !writes.failures().isEmpty());
            assertThat(writes.failures()).isEmpty();
            report("through the gateway", writes.answered() * 32L, start);
        }
    }

    private static void pushToANode(DevCluster cluster) throws Exception {
        cluster.mirach("volume", "create", "pushed", "--size", "16MiB");
        List<String> endpoints = Arrays.asList(cluster.endpoints().split(","));
        MirachClientConfig config =
                MirachClientConfig.of(endpoints, "overload", "localhost", "overload");
        try (MirachClient client = MirachClients.connect(config).get(60, TimeUnit.SECONDS)) {
            AttachedVolume volume =
                    client.attach("pushed", Attachment.Mode.READ_WRITE).get(60, TimeUnit.SECONDS);
            try (NativePusher pusher = new NativePusher(client, volume, CONNECTIONS)) {
                long start = System.nanoTime();
                pusher.start();
                await().atMost(LIMIT)
                        .until(
                                () ->
                                        !pusher.failures().isEmpty()
                                                || (ALL
                                                        ? pusher.acknowledged() == pusher.total()
                                                        : pusher.fewestAcknowledged() > 0));
                assertThat(pusher.failures()).isEmpty();
                assertThat(pusher.refused()).as("refused for lack of room").isPositive();
                report(
                        "to a node, " + pusher.refused() + " refusals",
                        pusher.acknowledged(),
                        start);
            }
        }
    }

    private static void report(String what, long mebibytes, long startNanos) {
        System.out.printf(
                "%s: %d MiB acknowledged in %.1f s%n",
                what, mebibytes, (System.nanoTime() - startNanos) / 1e9);
    }

    private static List<Long> pids(DevCluster cluster) {
        return cluster.processes().stream().map(ProcessHandle::pid).sorted().toList();
    }

    private static ProcessHandle node(DevCluster cluster, int number) throws IOException {
        Path file = cluster.dir().resolve("node-" + number + ".pid");
        return ProcessHandle.of(Long.parseLong(Files.readString(file).strip())).orElseThrow();
    }

    private static void signal(String name, ProcessHandle process) {
        Command.of("kill", "-" + name, Long.toString(process.pid())).run(Duration.ofSeconds(10));
    }

    /** The most that the process had in memory at once, of all kinds: heap, buffers, RocksDB. */
    private static long peakBytes(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
                .findFirst()
                .orElseThrow();
    }
}
