package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * kill -9 of all nodes and the gateway at once, in the middle of writes: every acknowledged byte is
 * there afterwards.
 */
class KillEverythingIT {
    private static final int ROUNDS = 2;
    private static final int WRITERS = 2;
    private static final Duration LIMIT = Duration.ofMinutes(3);

    @TempDir Path work;

    /** By block: the number of the write that it holds; absent while it was never written. */
    private final Map<Integer, Long> stored = new HashMap<>();

    private final long seed = ThreadLocalRandom.current().nextLong();

    @Test
    void everyAcknowledgedWriteSurvives() throws Exception {
        RealClient.require("nbdcopy");
        System.out.println("KillEverythingIT seed " + seed);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "ledger", "--size", "32MiB");
            for (int round = 0; round < ROUNDS; round++) {
                List<NbdWriter> writers = writeUntilKilled(cluster, round);
                cluster.startAll();
                Path copy = work.resolve("ledger-" + round + ".img");
                Command.of("nbdcopy", cluster.uri("ledger"), copy.toString()).run(LIMIT);
                for (NbdWriter writer : writers) {
                    check(writer, copy);
                }
            }
        }
    }

    private List<NbdWriter> writeUntilKilled(DevCluster cluster, int round) throws Exception {
        InetSocketAddress gateway = new InetSocketAddress("127.0.0.1", cluster.basePort());
        List<NbdWriter> writers = new ArrayList<>();
        for (int i = 0; i < WRITERS; i++) {
            writers.add(
                    new NbdWriter(
                            gateway,
                            "ledger",
                            seed + 31 * i + round,
                            1 + round * 1_000_000_000L,
                            i * NbdWriter.BLOCK_COUNT,
                            32));
        }
        writers.forEach(NbdWriter::start);
        Awaitility.await()
                .atMost(Duration.ofMinutes(1))
                .until(() -> writers.stream().allMatch(w -> w.acknowledgedWrites() > 4_000));
        cluster.killEverything();
        for (NbdWriter writer : writers) {
            writer.awaitEnd();
            writer.close();
        }
        return writers;
    }

    /** A block holds its newest acknowledged write, or the one that was in flight behind it. */
    private void check(NbdWriter writer, Path copy) throws IOException {
        assertThat(writer.acknowledged()).isNotEmpty();
        stored.putAll(writer.acknowledged());
        byte[] found = new byte[NbdWriter.BLOCK_BYTES];
        try (RandomAccessFile file = new RandomAccessFile(copy.toFile(), "r")) {
            for (var entry : writer.sent().entrySet()) {
                int block = entry.getKey();
                long newest = entry.getValue();
                file.seek((long) block * NbdWriter.BLOCK_BYTES);
                file.readFully(found);
                if (Arrays.equals(found, NbdWriter.content(block, newest))) {
                    stored.put(block, newest);
                }
                Long expected = stored.get(block);
                assertThat(found)
                        .as(
                                "seed %d: block %d must hold write %s, or %d, which was in flight",
                                seed, block, expected, newest)
                        .isEqualTo(
                                expected == null
                                        ? new byte[NbdWriter.BLOCK_BYTES]
                                        : NbdWriter.content(block, expected));
            }
        }
    }
}
