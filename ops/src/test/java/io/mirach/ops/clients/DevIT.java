package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code mirach dev} as its user sees it: real processes, and a real client for the data. One test,
 * since each start takes its time. How the command treats processes that fail is in {@code
 * DevProcessesIT}, what kill -9 leaves in {@code KillEverythingIT}.
 */
class DevIT {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int VOLUME_BYTES = 16 << 20;
    private static final long MAX_PSS_BYTES = 5L << 29;

    @TempDir Path work;

    @Test
    void aClusterLivesThroughItsCommands() throws Exception {
        RealClient.require("nbdcopy");
        try (DevCluster cluster = DevCluster.unstarted()) {
            String started = cluster.startAll("--size", "16MiB");
            assertThat(started).contains("forming a new cluster", cluster.tcpUri("demo"));
            assertThat(pssBytes(cluster)).isLessThan(MAX_PSS_BYTES);
            Path image = write(cluster);
            everyMetricIsDocumented(cluster);
            benchMeasuresAndLeavesNothing(cluster);

            assertThat(cluster.dev("--detach").run(SOON)).contains("running already");
            portInUseIsToldAtOnce(cluster);
            aKilledNodeIsShownWithItsRemedy(cluster);

            cluster.dev("--stop").run(SOON);
            assertThat(cluster.processes()).isEmpty();
            leaveStalePidFile(cluster);
            assertThat(cluster.startAll()).doesNotContain("forming", "creating volume");
            assertThat(Files.mismatch(image, read(cluster))).isEqualTo(-1);
            assertThat(cluster.mirach("volume", "ls")).contains("16 MiB");

            cluster.dev("--stop", "--reset").run(SOON);
            assertThat(files(cluster)).doesNotContain("node-1", "dev.yaml", "endpoint", "nbd.sock");
            assertThat(cluster.startAll("--nodes", "4", "--size", "16MiB"))
                    .contains("starting 4 nodes", "forming a new cluster");
            assertThat(cluster.mirach("status")).contains("4 of 4 up");
            assertThat(Files.readAllBytes(read(cluster))).isEqualTo(new byte[VOLUME_BYTES]);
        }
    }

    /** Over NBD and by the native client; the demo volume, which holds data, is not written to. */
    private static void benchMeasuresAndLeavesNothing(DevCluster cluster) {
        List<String> options =
                List.of(
                        "--dev",
                        cluster.dir().toString(),
                        "--size",
                        "4MiB",
                        "--runtime",
                        "1",
                        "--warmup",
                        "1",
                        "--jobs",
                        "randwrite-4k-qd4,seqread-128k-qd4");
        String table = cluster.command(words("bench", options)).run(DevCluster.START_LIMIT);
        assertThat(table)
                .contains("randwrite-4k-qd4", "seqread-128k-qd4", "fdatasync", "ping     node-3")
                .contains("gateway (pid ", "node-1 (pid ", "removed again");
        String json =
                cluster.command(words("bench", options, "--native", "--skip-limits", "-o", "json"))
                        .run(DevCluster.START_LIMIT);
        assertThat(json).contains("\"path\" : \"native\"");
        assertThat(json).as("CPU time of the nodes").doesNotContain("PerRequest\" : null");
        assertThat(cluster.mirach("volume", "ls")).contains("demo").doesNotContain("bench-");
        Command.Result refused =
                cluster.command(words("bench", options, "--uri", cluster.uri("demo")))
                        .start()
                        .end(SOON);
        assertThat(refused.exitCode()).isEqualTo(4);
        assertThat(refused.output()).contains("the volume holds data");
    }

    private static String[] words(String command, List<String> options, String... more) {
        return Stream.of(List.of(command), options, List.of(more))
                .flatMap(List::stream)
                .toArray(String[]::new);
    }

    /** ops/METRICS.md names each of Mirach's own metrics that a node serves, and no other. */
    private static void everyMetricIsDocumented(DevCluster cluster) throws Exception {
        String endpoint = Files.readString(cluster.dir().resolve("endpoint")).strip();
        HttpResponse<Stream<String>> metrics =
                HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(
                                                URI.create(
                                                        "http://"
                                                                + endpoint.split(",")[0]
                                                                + "/metrics"))
                                        .build(),
                                HttpResponse.BodyHandlers.ofLines());
        Set<String> served =
                metrics.body()
                        .filter(line -> line.startsWith("# TYPE mirach_"))
                        .map(line -> line.split(" ")[2])
                        .collect(Collectors.toSet());
        Set<String> documented =
                Files.readAllLines(DevCluster.projectDir().resolve("ops/METRICS.md")).stream()
                        .filter(line -> line.startsWith("| `mirach_"))
                        .map(line -> line.split("`")[1])
                        .collect(Collectors.toSet());
        assertThat(served).isEqualTo(documented);
    }

    private Path write(DevCluster cluster) throws IOException {
        long seed = ThreadLocalRandom.current().nextLong();
        System.out.println("DevIT seed " + seed);
        byte[] content = new byte[VOLUME_BYTES];
        new Random(seed).nextBytes(content);
        Path image = Files.write(work.resolve("written.img"), content);
        Command.of("nbdcopy", image.toString(), cluster.tcpUri("demo")).run(SOON);
        return image;
    }

    private Path read(DevCluster cluster) throws IOException {
        Path copy = Files.createTempFile(work, "read", ".img");
        Command.of("nbdcopy", cluster.uri("demo"), copy.toString()).run(SOON);
        return copy;
    }

    private void portInUseIsToldAtOnce(DevCluster cluster) {
        Path other = work.resolve("other");
        Command.Result second =
                cluster.devIn(other, "--detach", "--base-port", "" + cluster.basePort())
                        .start()
                        .end(SOON);
        assertThat(second.exitCode()).isNotZero();
        assertThat(second.output())
                .contains("error: CONFLICT", "" + cluster.basePort(), "remedy: ")
                .doesNotContain("\tat ");
        assertThat(other.resolve("node-1.pid")).doesNotExist();
    }

    private static void aKilledNodeIsShownWithItsRemedy(DevCluster cluster) {
        cluster.killNode(2);
        String remedy = "next: mirach dev --data " + cluster.dir() + " node start 2";
        await().atMost(SOON)
                .untilAsserted(
                        () ->
                                assertThat(cluster.mirach("status"))
                                        .contains("2 of 3 up", "NODE_DOWN", remedy));
        assertThat(cluster.mirach("status").lines().filter(l -> l.contains("REPLICA_MISSING")))
                .hasSize(1);
        cluster.startNode(2);
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(cluster.mirach("status")).contains("health       OK"));
    }

    /** Names a process that lives and is none of the cluster's: this one. */
    private static void leaveStalePidFile(DevCluster cluster) throws IOException {
        Files.writeString(
                cluster.dir().resolve("node-1.pid"), ProcessHandle.current().pid() + "\n");
    }

    private static String[] files(DevCluster cluster) {
        return cluster.dir().toFile().list();
    }

    /** Proportional set size of all processes: pages counted once over all that share them. */
    private static long pssBytes(DevCluster cluster) {
        assertThat(cluster.processes()).hasSize(4);
        return cluster.processes().stream().mapToLong(DevIT::pssBytes).sum();
    }

    private static long pssBytes(ProcessHandle process) {
        try (Stream<String> lines =
                Files.lines(Path.of("/proc/" + process.pid() + "/smaps_rollup"))) {
            return lines.filter(line -> line.startsWith("Pss:"))
                    .flatMap(line -> Arrays.stream(line.split("\\D+")))
                    .filter(number -> !number.isEmpty())
                    .mapToLong(kib -> Long.parseLong(kib) * 1024)
                    .sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
