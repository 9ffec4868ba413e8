package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.PgView;
import io.mirach.client.AttachedVolume;
import io.mirach.model.Attachment;
import io.mirach.server.node.NodeConfig;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that was away for longer than the logs are kept. */
class BackfillIT {
    private static final Duration SOON = Duration.ofSeconds(120);
    private static final long MIB = 1 << 20;
    private static final int WRITE_BYTES = 1 << 20;
    private static final int IN_FLIGHT = 8;
    private static final long VOLUME_BYTES = 768 * MIB;

    @TempDir Path folder;

    /** Keeps little log, so that a node is soon away for too long. */
    private static NodeConfig littleLog(NodeConfig config, long bytesPerSecond) {
        return config.withReplication(
                new NodeConfig.Replication(
                        32 * MIB,
                        32 * MIB,
                        bytesPerSecond,
                        32 * MIB,
                        Duration.ZERO,
                        Duration.ZERO));
    }

    /** The volume is written in order, each piece with bytes of its own version. */
    private static final class Writer {
        final AttachedVolume volume;
        final int[] versions = new int[(int) (VOLUME_BYTES / WRITE_BYTES)];
        private final Deque<CompletableFuture<Void>> inFlight = new ArrayDeque<>();

        Writer(AttachedVolume volume) {
            this.volume = volume;
        }

        void write(int piece) throws Exception {
            versions[piece]++;
            inFlight.add(
                    volume.write(
                            (long) piece * WRITE_BYTES, Unpooled.wrappedBuffer(expected(piece))));
            if (inFlight.size() > IN_FLIGHT) {
                inFlight.remove().get(60, TimeUnit.SECONDS);
            }
        }

        void finish() throws Exception {
            while (!inFlight.isEmpty()) {
                inFlight.remove().get(60, TimeUnit.SECONDS);
            }
        }

        byte[] expected(int piece) {
            byte[] bytes = new byte[WRITE_BYTES];
            if (versions[piece] > 0) {
                new Random(piece * 1000L + versions[piece]).nextBytes(bytes);
            }
            return bytes;
        }

        void requireAll() throws Exception {
            for (int piece = 0; piece < versions.length; piece++) {
                ByteBuf read =
                        volume.read((long) piece * WRITE_BYTES, WRITE_BYTES)
                                .get(60, TimeUnit.SECONDS);
                byte[] bytes = ByteBufUtil.getBytes(read);
                read.release();
                assertThat(bytes).as("piece %s", piece).isEqualTo(expected(piece));
            }
        }
    }

    @Test
    void nodeThatWasAwayTooLongIsBroughtUpUnderLoad() throws Exception {
        try (InProcessCluster cluster =
                new InProcessCluster(folder, 3, 1, config -> littleLog(config, 60 * MIB))) {
            cluster.startAll();
            cluster.init();
            cluster.awaitHealthy();
            cluster.admin().createVolume(new CreateVolumeRequest("vm1", VOLUME_BYTES, 0));
            AttachedVolume volume =
                    cluster.client("gw1")
                            .attach("vm1", Attachment.Mode.READ_WRITE)
                            .get(60, TimeUnit.SECONDS);
            Writer writer = new Writer(volume);
            for (int piece = 0; piece < 40; piece++) {
                writer.write(piece);
            }
            writer.finish();
            cluster.stop(2);
            for (int piece = 0; piece < 560; piece++) {
                writer.write(piece);
            }
            volume.discard(100 * MIB, 30 * (int) MIB).get(60, TimeUnit.SECONDS);
            for (int piece = 100; piece < 130; piece++) {
                writer.versions[piece] = 0;
            }
            await().atMost(SOON)
                    .until(() -> members(cluster).stream().anyMatch(PgView.Member::needsBackfill));
            cluster.start(2);
            // It goes on meanwhile: what was copied changes again.
            int next = 0;
            while (cluster.admin().placementGroups().stream()
                    .anyMatch(pg -> pg.state() != PgView.Condition.HEALTHY)) {
                assertThat(next).as("pieces until it was brought up").isLessThan(6000);
                writer.write(next++ % 700);
                writer.finish();
                if (next == 10 || next == 40) {
                    // In the middle of it: it goes on with what it has.
                    cluster.stop(2);
                    cluster.start(2);
                } else if (next == 70) {
                    // A source goes away: another one leads then.
                    cluster.stop(1);
                    cluster.start(1);
                }
            }
            writer.finish();
            assertThat(next).isPositive();
            cluster.awaitHealthy();

            // The one that was brought up is needed for every majority now, and leads some.
            cluster.stop(0);
            writer.requireAll();
            cluster.start(0);
            cluster.awaitHealthy();
            cluster.stop(1);
            writer.requireAll();
            cluster.start(1);
            cluster.awaitHealthy();
            assertThat(cluster.failures).isEmpty();
        }
    }

    private static List<PgView.Member> members(InProcessCluster cluster) {
        return cluster.admin().placementGroups().stream()
                .flatMap(pg -> pg.members().stream())
                .toList();
    }
}
