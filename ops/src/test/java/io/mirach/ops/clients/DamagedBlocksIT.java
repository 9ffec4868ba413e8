package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Bits flip at rest in the blocks of two of three nodes. */
class DamagedBlocksIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final int VOLUME_MIB = 24;
    private static final int FLIPS_PER_NODE = 12;
    // Neither a header nor a footer of a file: one that cannot be opened is another matter.
    private static final int FILE_EDGE_BYTES = 8192;

    private final long seed = ThreadLocalRandom.current().nextLong();
    private final Random random = new Random(seed);

    @Test
    void damagedBlocksAreNeverReadAndAreRepaired() throws IOException {
        RealClient.require("qemu-io");
        System.out.println("DamagedBlocksIT seed " + seed);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "v", "--size", VOLUME_MIB + "MiB");
            qemuIo(cluster, "write");
            // Nodes that are stopped have written everything to their files.
            cluster.dev("--stop").run(SOON);
            for (int node : List.of(1, 2)) {
                List<Path> blobs = blobFiles(cluster, node);
                for (int i = 0; i < FLIPS_PER_NODE; i++) {
                    flipABit(blobs.get(random.nextInt(blobs.size())));
                }
            }
            cluster.startAll();

            // Leader or not: who has a damaged block does not return it.
            qemuIo(cluster, "read");
            qemuIo(cluster, "read");
            // Finds what no client has read there.
            verify(cluster);
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(verify(cluster)).contains("pg1: EQUAL"));
            String groups = cluster.mirach("pg", "ls", "-o", "json");
            assertThat(numbers(groups, "repairedBlocks")).filteredOn(n -> n > 0).hasSize(2);
            assertThat(numbers(groups, "blocks")).containsOnly(0);
            assertThat(cluster.mirach("status")).doesNotContain("REPLICA_");
            qemuIo(cluster, "read");
        }
    }

    /** Writes, or reads and compares, a pattern of its own per MiB. */
    private static void qemuIo(DevCluster cluster, String verb) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (int mib = 0; mib < VOLUME_MIB; mib++) {
            words.add("-c");
            words.add(verb + " -P " + (mib + 1) + " " + mib + "M 1M");
        }
        words.add(cluster.uri("v"));
        assertThat(Command.of(words).run(SOON)).doesNotContain("failed", "error");
    }

    private static String verify(DevCluster cluster) {
        return cluster.command("pg", "verify", "all").start().end(SOON).output();
    }

    private static List<Integer> numbers(String json, String field) {
        Matcher matcher = Pattern.compile("\"" + field + "\"\\s*:\\s*(\\d+)").matcher(json);
        return matcher.results().map(found -> Integer.parseInt(found.group(1))).toList();
    }

    private static List<Path> blobFiles(DevCluster cluster, int node) throws IOException {
        try (Stream<Path> files = Files.walk(cluster.dir())) {
            List<Path> found =
                    files.filter(file -> file.toString().contains("node-" + node))
                            .filter(file -> file.toString().endsWith(".blob"))
                            .filter(file -> file.toFile().length() > 1 << 20)
                            .toList();
            assertThat(found).isNotEmpty();
            return found;
        }
    }

    private void flipABit(Path blobs) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(blobs.toFile(), "rw")) {
            long at =
                    FILE_EDGE_BYTES
                            + (long) (random.nextDouble() * (file.length() - 2 * FILE_EDGE_BYTES));
            file.seek(at);
            int before = file.read();
            file.seek(at);
            file.write(before ^ 1 << random.nextInt(8));
        }
    }
}
