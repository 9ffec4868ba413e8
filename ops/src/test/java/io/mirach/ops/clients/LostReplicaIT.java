package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that finds a flipped bit in one of its logs gets the replica anew from the others. */
class LostReplicaIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final int VOLUME_BYTES = 16 << 20;

    @TempDir Path work;

    private final long seed = ThreadLocalRandom.current().nextLong();

    @Test
    void replicaWithADamagedLogIsSetAsideAndRebuilt() throws IOException {
        RealClient.require("nbdcopy");
        System.out.println("LostReplicaIT seed " + seed);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "v", "--size", "16MiB");
            write(cluster, 1);
            cluster.killNode(3);
            Path segment = flipABitOfPg1(cluster);
            byte[] flipped = Files.readAllBytes(segment);
            cluster.startNode(3);
            await().atMost(SOON).untilAsserted(() -> assertThat(keptAside(cluster)).hasSize(1));
            // Made anew already, it may have a segment of that name.
            assertThat(keptAside(cluster).get(0).resolve("current").resolve(segment.getFileName()))
                    .hasBinaryContent(flipped);
            assertThat(segment)
                    .satisfiesAnyOf(
                            gone -> assertThat(gone).doesNotExist(),
                            anew -> assertThat(Files.readAllBytes(anew)).isNotEqualTo(flipped));

            // It serves all along.
            assertHolds(cluster, 1);
            write(cluster, 2);
            assertHolds(cluster, 2);
            awaitHealthy(cluster);

            // The replica that was made anew is needed for every majority now.
            cluster.killNode(1);
            write(cluster, 3);
            assertHolds(cluster, 3);
            cluster.startNode(1);
            awaitHealthy(cluster);
            // It votes, and comes up again, with what it has now.
            cluster.killNode(3);
            cluster.startNode(3);
            awaitHealthy(cluster);
            assertHolds(cluster, 3);
            assertThat(keptAside(cluster)).hasSize(1);
        }
    }

    private static void awaitHealthy(DevCluster cluster) {
        await().atMost(SOON)
                .untilAsserted(
                        () -> {
                            assertThat(status(cluster))
                                    .contains("3 of 3 up")
                                    .doesNotContain("REPLICA_", "PG_");
                            assertThat(cluster.mirach("pg", "ls").lines().skip(1))
                                    .allMatch(line -> line.contains("HEALTHY"));
                        });
    }

    private static List<Path> keptAside(DevCluster cluster) throws IOException {
        try (Stream<Path> files = Files.walk(cluster.dir(), 6)) {
            return files.filter(Files::isDirectory)
                    .filter(file -> file.getFileName().toString().matches("(lost|replaced)-.*"))
                    .toList();
        }
    }

    /** Whatever its exit code says of the cluster's health. */
    private static String status(DevCluster cluster, String... options) {
        String[] words =
                Stream.concat(Stream.of("status"), Stream.of(options)).toArray(String[]::new);
        return cluster.command(words).start().end(SOON).output();
    }

    private byte[] content(int version) {
        byte[] content = new byte[VOLUME_BYTES];
        new Random(seed + version).nextBytes(content);
        return content;
    }

    private void write(DevCluster cluster, int version) throws IOException {
        Path image = Files.write(work.resolve("written.img"), content(version));
        Command.of("nbdcopy", image.toString(), cluster.uri("v")).run(SOON);
    }

    private void assertHolds(DevCluster cluster, int version) throws IOException {
        Path copy = work.resolve("read.img");
        Files.deleteIfExists(copy);
        Command.of("nbdcopy", cluster.uri("v"), copy.toString()).run(SOON);
        assertThat(Files.readAllBytes(copy)).isEqualTo(content(version));
    }

    private Path flipABitOfPg1(DevCluster cluster) throws IOException {
        Matcher group =
                Pattern.compile("\"id\"\\s*:\\s*1,\\s*\"raftGroupId\"\\s*:\\s*\"([^\"]+)\"")
                        .matcher(cluster.mirach("pg", "ls", "-o", "json"));
        assertThat(group.find()).isTrue();
        try (Stream<Path> files = Files.walk(cluster.dir())) {
            Path segment =
                    files.filter(file -> file.toString().contains("node-3"))
                            .filter(file -> file.toString().contains(group.group(1)))
                            .filter(file -> file.getFileName().toString().startsWith("log_"))
                            .sorted()
                            .findFirst()
                            .orElseThrow();
            byte[] bytes = Files.readAllBytes(segment);
            bytes[bytes.length / 2] ^= 0x10;
            Files.write(segment, bytes);
            return segment;
        }
    }
}
