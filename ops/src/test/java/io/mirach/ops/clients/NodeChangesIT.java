package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Nodes come, are emptied and go, and one loses its disk, while a client writes and reads back what
 * it wrote.
 */
class NodeChangesIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final int VOLUME_BYTES = 8 << 20;

    @TempDir Path work;

    private final long seed = ThreadLocalRandom.current().nextLong();

    @Test
    void clientNoticesNothingOfNodesThatComeAndGo() throws Exception {
        RealClient.require("nbdcopy");
        System.out.println("NodeChangesIT seed " + seed);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "v", "--size", "8MiB");
            try (Rewriter client = new Rewriter(cluster)) {
                Command.Running added = startFourth(cluster);
                try {
                    cluster.mirach("node", "add", httpOf4(cluster));
                    assertThat(replicas(cluster, 2)).isEqualTo(2);
                    Command.Result drained =
                            cluster.command("node", "drain", "node-2").start().end(SOON);
                    assertThat(drained.output()).contains("node-2 is empty");
                    assertThat(replicas(cluster, 4)).isEqualTo(2);
                    awaitRemoved(cluster, "node-2");
                    cluster.killNode(2);
                    assertWhole(cluster);

                    added.process().destroyForcibly().onExit().join();
                    deleteAll(work.resolve("node-4"));
                    added = startFourth(cluster);
                    assertThat(
                                    cluster.command("node", "add", httpOf4(cluster))
                                            .start()
                                            .end(SOON)
                                            .output())
                            .contains("CONFLICT", "--replace");
                    awaitAdded(cluster);
                    assertWhole(cluster);
                    client.awaitFurtherRound();

                    // What was made anew is needed for every majority now.
                    cluster.killNode(1);
                    client.awaitFurtherRound();
                    client.close();
                } finally {
                    added.close();
                }
            }
        }
    }

    @Test
    void clientNoticesNothingOfARollingRestart() throws Exception {
        RealClient.require("nbdcopy");
        System.out.println("NodeChangesIT seed " + seed);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "v", "--size", "8MiB");
            List<Long> before = cluster.processes().stream().map(ProcessHandle::pid).toList();
            try (Rewriter client = new Rewriter(cluster)) {
                String told =
                        cluster.command(
                                        "node",
                                        "restart",
                                        "--rolling",
                                        "--command",
                                        "n={node}; "
                                                + cluster.devCommand()
                                                + " node restart ${n#node-}")
                                .run(Duration.ofMinutes(5));
                assertThat(told)
                        .contains(
                                "node-1 is restarted",
                                "node-2 is restarted",
                                "node-3 is restarted");
                client.awaitFurtherRound();
            }
            // All but the gateway.
            assertThat(cluster.processes().stream().map(ProcessHandle::pid))
                    .hasSize(before.size())
                    .filteredOn(before::contains)
                    .hasSize(1);
            assertThat(cluster.mirach("status")).contains("health       OK");
        }
    }

    private static void awaitRemoved(DevCluster cluster, String node) {
        await().atMost(SOON)
                .untilAsserted(
                        () ->
                                assertThat(
                                                cluster.command("node", "remove", node)
                                                        .start()
                                                        .end(SOON)
                                                        .output())
                                        .contains("is removed"));
    }

    /** Only once the cluster has noticed that the node as it was is gone. */
    private static void awaitAdded(DevCluster cluster) {
        await().atMost(SOON)
                .untilAsserted(
                        () ->
                                assertThat(
                                                cluster.command(
                                                                "node",
                                                                "add",
                                                                httpOf4(cluster),
                                                                "--replace")
                                                        .start()
                                                        .end(SOON)
                                                        .output())
                                        .contains("is in service"));
    }

    private static String httpOf4(DevCluster cluster) {
        return "127.0.0.1:" + (cluster.basePort() + 37);
    }

    private Command.Running startFourth(DevCluster cluster) throws IOException {
        Path config = work.resolve("node-4.yaml");
        Files.write(
                config,
                List.of(
                        "name: node-4",
                        "data-dirs: [" + work.resolve("node-4") + "]",
                        "native-address: 127.0.0.1:" + (cluster.basePort() + 36),
                        "http-address: " + httpOf4(cluster),
                        "raft-address: 127.0.0.1:" + (cluster.basePort() + 38)));
        Command.Running running =
                cluster.command("node", "start", "--config", config.toString()).start();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(running.output()).contains("serves HTTP"));
        return running;
    }

    private static void deleteAll(Path root) throws IOException {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static int replicas(DevCluster cluster, int node) {
        return cluster.mirach("node", "ls")
                .lines()
                .filter(line -> line.startsWith("node-" + node + " "))
                .map(line -> line.split(" {2,}")[4].strip())
                .mapToInt(Integer::parseInt)
                .sum();
    }

    /** All groups are whole, on other nodes than before, and equal. */
    private static void assertWhole(DevCluster cluster) {
        await().atMost(SOON)
                .untilAsserted(
                        () ->
                                assertThat(cluster.mirach("pg", "ls").lines().skip(1))
                                        .hasSize(2)
                                        .allMatch(
                                                line ->
                                                        line.contains("HEALTHY")
                                                                && line.contains("node-1")
                                                                && line.contains("node-3")
                                                                && line.contains("node-4")
                                                                && !line.contains("moves")));
        assertThat(cluster.mirach("pg", "verify", "all")).contains("pg1: EQUAL");
    }

    /** Writes the whole volume and reads it back, over and over. */
    private final class Rewriter implements AutoCloseable {
        private final DevCluster cluster;
        private final Thread thread = new Thread(this::run, "rewriter");
        private volatile boolean stopped;
        private volatile int rounds;
        private volatile Optional<Throwable> failure = Optional.empty();

        Rewriter(DevCluster cluster) {
            this.cluster = cluster;
            thread.start();
        }

        private void run() {
            try {
                while (!stopped) {
                    byte[] content = new byte[VOLUME_BYTES];
                    new Random(seed + rounds).nextBytes(content);
                    Path image = Files.write(work.resolve("written.img"), content);
                    Command.of("nbdcopy", image.toString(), cluster.uri("v")).run(SOON);
                    Path copy = work.resolve("read.img");
                    Files.deleteIfExists(copy);
                    Command.of("nbdcopy", cluster.uri("v"), copy.toString()).run(SOON);
                    assertThat(Files.mismatch(image, copy)).isEqualTo(-1);
                    rounds++;
                }
            } catch (Throwable e) {
                failure = Optional.of(e);
            }
        }

        void awaitFurtherRound() {
            int before = rounds;
            // The one under way may have begun earlier.
            await().atMost(SOON).until(() -> rounds >= before + 2 || failure.isPresent());
            assertThat(failure).isEmpty();
        }

        @Override
        public void close() throws InterruptedException {
            stopped = true;
            thread.join();
            assertThat(failure).isEmpty();
        }
    }
}
