package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.PgView;
import io.mirach.admin.ScrubRequest;
import io.mirach.client.AttachedVolume;
import io.mirach.client.OpenSnapshot;
import io.mirach.client.VolumeIo;
import io.mirach.model.Attachment;
import io.mirach.model.SnapshotName;
import io.mirach.server.node.NodeConfig;
import io.mirach.server.store.StoreTampering;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One of three replicas is not what it should be; the cluster finds it and makes it anew. */
class ScrubIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int EXTENT_BYTES = 1 << 20;
    private static final int EXTENTS = 24;
    private static final int BAD = 2;

    @TempDir Path folder;
    private InProcessCluster cluster;
    private AttachedVolume volume;
    private PgView group;

    @BeforeEach
    void writeAVolume() throws Exception {
        cluster = new InProcessCluster(folder, 3, 1, VerifyIT::flushedOnClose);
        cluster.startAll();
        cluster.init();
        cluster.awaitHealthy();
        cluster.admin()
                .createVolume(
                        new CreateVolumeRequest(
                                "vm1", (long) EXTENTS * EXTENT_BYTES, EXTENT_BYTES));
        volume =
                cluster.client("gw1")
                        .attach("vm1", Attachment.Mode.READ_WRITE)
                        .get(60, TimeUnit.SECONDS);
        for (int extent = 0; extent < EXTENTS; extent++) {
            volume.write((long) extent * EXTENT_BYTES, Unpooled.wrappedBuffer(filled(extent)))
                    .get(60, TimeUnit.SECONDS);
        }
        cluster.admin().createSnapshot("vm1", new CreateSnapshotRequest("one"));
        for (int extent = 0; extent < EXTENTS; extent += 2) {
            volume.write((long) extent * EXTENT_BYTES, Unpooled.wrappedBuffer(filled(100 + extent)))
                    .get(60, TimeUnit.SECONDS);
        }
        group = cluster.admin().placementGroups().get(1);
    }

    @AfterEach
    void close() {
        assertThat(cluster.failures).isEmpty();
        cluster.close();
    }

    private static byte[] filled(int extent) {
        byte[] data = new byte[EXTENT_BYTES];
        Arrays.fill(data, (byte) (1 + extent));
        return data;
    }

    private PgView now() {
        return cluster.admin().placementGroups().stream()
                .filter(pg -> pg.id() == group.id())
                .findFirst()
                .orElseThrow();
    }

    private interface Change {
        void make(Path dataDir, UUID raftGroup) throws IOException;
    }

    /** Changes the replica of the group on one node, which is stopped meanwhile. */
    private void spoil(Change change) throws IOException {
        NodeConfig config = cluster.config(BAD);
        cluster.stop(BAD);
        change.make(config.dataDirs().get(0), group.raftGroupId());
        cluster.start(BAD);
    }

    private void orderScrub() {
        cluster.admin().scrub(new ScrubRequest(List.of(group.id())));
        assertThat(now().scrub().ordered()).isTrue();
    }

    private void awaitScrubbed(long after) {
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(200))
                .ignoreExceptions()
                .untilAsserted(
                        () -> {
                            assertThat(now().scrub().ordered()).isFalse();
                            assertThat(now().scrub().doneAtMs()).isGreaterThanOrEqualTo(after);
                            assertThat(now().state()).isEqualTo(PgView.Condition.HEALTHY);
                        });
        assertThat(now().members()).allMatch(member -> member.damage().repairedBlocks() == 0);
    }

    /** With the replica that was made anew, and without one of the others. */
    private void requireContents() throws Exception {
        cluster.stop(0);
        try (OpenSnapshot one =
                cluster.client("reader")
                        .openSnapshot(new SnapshotName("vm1", "one"))
                        .get(60, TimeUnit.SECONDS)) {
            for (int extent = 0; extent < EXTENTS; extent++) {
                assertThat(read(volume, extent))
                        .isEqualTo(filled(extent % 2 == 0 ? 100 + extent : extent));
                assertThat(read(one, extent)).isEqualTo(filled(extent));
            }
        }
        cluster.start(0);
        cluster.awaitHealthy();
    }

    private static byte[] read(VolumeIo source, int extent) throws Exception {
        ByteBuf read =
                source.read((long) extent * EXTENT_BYTES, EXTENT_BYTES).get(60, TimeUnit.SECONDS);
        try {
            return ByteBufUtil.getBytes(read);
        } finally {
            read.release();
        }
    }

    /** One cluster for all: to start one takes as long as to find what is wrong in it. */
    @Test
    void whatCannotBeTrustedIsFoundAndMadeAnew() throws Exception {
        requireMadeAnew(
                (dir, raftGroup) ->
                        StoreTampering.replaceFirstBlock(dir.resolve("store"), raftGroup, 201));
        requireMadeAnew(
                (dir, raftGroup) ->
                        StoreTampering.damageAllBlocks(dir.resolve("store"), raftGroup));
        requireMadeAnew(ScrubIT::replaceABlockAndLoseTheLog);
    }

    private void requireMadeAnew(Change change) throws Exception {
        long before = System.currentTimeMillis();
        spoil(change);
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() -> now().state() == PgView.Condition.HEALTHY && isVoter());
        orderScrub();
        awaitScrubbed(before);
        requireContents();
    }

    /**
     * With its log a replica loses its vote, and keeps its blocks: they are proven before it votes.
     */
    private static void replaceABlockAndLoseTheLog(Path dir, UUID raftGroup) throws IOException {
        StoreTampering.replaceFirstBlock(dir.resolve("store"), raftGroup, 201);
        try (Stream<Path> files = Files.walk(dir.resolve("raft").resolve(raftGroup.toString()))) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private boolean isVoter() {
        return now().members().stream()
                .filter(member -> member.node().equals(cluster.name(BAD)))
                .anyMatch(member -> List.of("FOLLOWER", "LEADER").contains(member.role()));
    }
}
