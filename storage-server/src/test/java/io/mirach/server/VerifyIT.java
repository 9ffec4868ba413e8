package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.PgView;
import io.mirach.admin.VerificationOrder;
import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.client.AttachedVolume;
import io.mirach.model.Attachment;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.node.NodeConfig;
import io.mirach.server.store.StoreConfig;
import io.mirach.server.store.StoreTampering;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The replicas of a running cluster are compared; one was changed while its node was down. */
class VerifyIT {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int EXTENT_BYTES = 1 << 20;
    private static final long VOLUME_BYTES = 64L << 20;

    @TempDir Path folder;

    /** What was changed must not be overwritten by a replay of the log. */
    static NodeConfig flushedOnClose(NodeConfig config) {
        StoreConfig store = config.store();
        return new NodeConfig(
                config.name(),
                config.dataDirs(),
                config.nativeAddress(),
                config.httpAddress(),
                config.raftAddress(),
                config.zone(),
                config.rack(),
                config.labels(),
                new StoreConfig(
                        store.blockCacheBytes(),
                        store.writeBufferBytes(),
                        store.groupWriteBufferBytes(),
                        store.blobFileBytes(),
                        store.backgroundJobs(),
                        store.maxOpenFiles(),
                        /* flushOnClose= */ true),
                config.chunks(),
                config.replication(),
                config.eventLoops());
    }

    private static byte[] filled(int value) {
        byte[] data = new byte[EXTENT_BYTES];
        Arrays.fill(data, (byte) value);
        return data;
    }

    private static void write(AttachedVolume volume, int extent, int value) throws Exception {
        volume.write((long) extent * EXTENT_BYTES, Unpooled.wrappedBuffer(filled(value)))
                .get(60, TimeUnit.SECONDS);
    }

    static VerificationView verified(InProcessCluster cluster, int pg) {
        VerificationOrder order = cluster.admin().verify(pg);
        return await().atMost(SOON)
                .pollInterval(Duration.ofMillis(50))
                .until(() -> cluster.admin().verification(order), VerificationView::settled);
    }

    private static State stateOn(VerificationView view, String node) {
        return view.replicas().stream()
                .filter(replica -> replica.node().equals(node))
                .map(VerificationView.Result::state)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void replicasAreEqualUnderWritesAndOneThatWasChangedIsNamed() throws Exception {
        try (InProcessCluster cluster =
                new InProcessCluster(folder, 3, 1, VerifyIT::flushedOnClose)) {
            cluster.startAll();
            cluster.init();
            cluster.awaitHealthy();
            cluster.admin()
                    .createVolume(new CreateVolumeRequest("vm1", VOLUME_BYTES, EXTENT_BYTES));
            AttachedVolume volume =
                    cluster.client("gw1")
                            .attach("vm1", Attachment.Mode.READ_WRITE)
                            .get(60, TimeUnit.SECONDS);
            for (int extent = 0; extent < 24; extent++) {
                write(volume, extent, 1 + extent);
            }
            List<Integer> groups =
                    cluster.admin().placementGroups().stream()
                            .map(PgView::id)
                            .filter(id -> id > 0)
                            .toList();

            requireEqualUnderWrites(cluster, volume, groups);

            requireChangedReplicaNamed(cluster, groups.get(0));
            requireMissingReplicaNamed(cluster, groups.get(1));
            assertThat(cluster.failures).isEmpty();
        }
    }

    private static void requireEqualUnderWrites(
            InProcessCluster cluster, AttachedVolume volume, List<Integer> groups)
            throws Exception {
        AtomicBoolean enough = new AtomicBoolean();
        CompletableFuture<Integer> writes =
                CompletableFuture.supplyAsync(
                        () -> {
                            int count = 0;
                            while (!enough.get()) {
                                try {
                                    write(volume, count % 48, count++);
                                } catch (Exception e) {
                                    throw new IllegalStateException(e);
                                }
                            }
                            return count;
                        });
        try {
            for (int group : groups) {
                VerificationView view = verified(cluster, group);
                assertThat(view.verdict()).as("%s", view).isEqualTo(Verdict.EQUAL);
                assertThat(view.replicas())
                        .hasSize(3)
                        .allMatch(r -> r.doneBlocks() == r.totalBlocks())
                        .extracting(r -> r.index() + " " + r.sha256())
                        .containsOnly(
                                view.replicas().get(0).index()
                                        + " "
                                        + view.replicas().get(0).sha256());
            }
        } finally {
            enough.set(true);
        }
        assertThat(writes.get(60, TimeUnit.SECONDS)).isPositive();
    }

    private void requireChangedReplicaNamed(InProcessCluster cluster, int group) throws Exception {
        UUID raftGroup =
                cluster.admin().placementGroups().stream()
                        .filter(pg -> pg.id() == group)
                        .map(PgView::raftGroupId)
                        .findFirst()
                        .orElseThrow();
        Path store = cluster.config(2).dataDirs().get(0).resolve("store");
        cluster.stop(2);
        StoreTampering.replaceFirstBlock(store, raftGroup, 201);
        cluster.start(2);
        cluster.awaitHealthy();
        VerificationView view = verified(cluster, group);
        assertThat(view.verdict()).as("%s", view).isEqualTo(Verdict.DIFFERENT);
        assertThat(stateOn(view, cluster.name(2))).isEqualTo(State.DIFFERENT);
        assertThat(stateOn(view, cluster.name(0))).isEqualTo(State.DONE);
        assertThat(stateOn(view, cluster.name(1))).isEqualTo(State.DONE);

        cluster.stop(2);
        StoreTampering.damageFirstBlock(store, raftGroup);
        cluster.start(2);
        cluster.awaitHealthy();
        view = verified(cluster, group);
        assertThat(view.verdict()).as("%s", view).isEqualTo(Verdict.DAMAGED);
        assertThat(stateOn(view, cluster.name(2))).isEqualTo(State.DAMAGED);
    }

    private static void requireMissingReplicaNamed(InProcessCluster cluster, int group)
            throws Exception {
        cluster.stop(1);
        VerificationView view = verified(cluster, group);
        assertThat(view.verdict()).as("%s", view).isEqualTo(Verdict.INCOMPLETE);
        assertThat(stateOn(view, cluster.name(1))).isEqualTo(State.UNREACHABLE);
        cluster.start(1);
        cluster.awaitHealthy();
        assertThat(verified(cluster, group).verdict()).isEqualTo(Verdict.EQUAL);
        assertThatThrownBy(() -> cluster.admin().verify(0))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT));
        assertThatThrownBy(() -> cluster.admin().verify(1000))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP));
    }
}
