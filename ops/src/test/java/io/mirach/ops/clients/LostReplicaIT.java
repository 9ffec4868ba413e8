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

/** A node that finds a flipped bit in one of its logs goes on with the others, and says so. */
class LostReplicaIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final int VOLUME_BYTES = 16 << 20;

    @TempDir Path work;

    private final long seed = ThreadLocalRandom.current().nextLong();

    @Test
    void nodeWithADamagedLogServesItsOtherGroups() throws IOException {
        RealClient.require("nbdcopy");
        System.out.println("LostReplicaIT seed " + seed);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "v", "--size", "16MiB");
            write(cluster, 1);
            cluster.killNode(3);
            Path segment = flipABitOfPg1(cluster);
            cluster.startNode(3);
            await().atMost(SOON)
                    .untilAsserted(
                            () ->
                                    assertThat(status(cluster))
                                            .contains("3 of 3 up", "REPLICA_LOST", "pg1 has a"));
            assertThat(status(cluster, "-o", "json"))
                    .contains("of " + segment.getFileName() + ", is damaged");
            List<String> groups = cluster.mirach("pg", "ls").lines().toList();
            assertThat(groups)
                    .anyMatch(line -> line.startsWith("pg1") && line.contains("node-3 (lost)"))
                    .anyMatch(line -> line.startsWith("meta") && line.contains("HEALTHY"));
            assertThat(segment).doesNotExist();

            // The volume is served by the other two.
            assertHolds(cluster, 1);
            write(cluster, 2);
            assertHolds(cluster, 2);

            // Without node 1 the meta group stands on the node that lost pg1; pg1 itself has no
            // majority, and the lost replica does not give it one.
            cluster.killNode(1);
            await().atMost(SOON)
                    .untilAsserted(
                            () ->
                                    assertThat(status(cluster))
                                            .contains("PG_NO_LEADER", "REPLICA_LOST", "2 of 3 up"));
            cluster.startNode(1);
            await().atMost(SOON)
                    .untilAsserted(
                            () -> assertThat(status(cluster)).doesNotContain("PG_NO_LEADER"));
            assertHolds(cluster, 2);
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
