package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.AdminClient;
import io.mirach.admin.ClusterView;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.DetachRequest;
import io.mirach.admin.VolumeSettings;
import io.mirach.admin.VolumeView;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.model.Attachment;
import io.mirach.model.IoLimitsChange;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.node.NodeConfig;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.StoreMemory;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole nodes in one JVM: forming a cluster, volumes, attachments, and the loss of nodes. */
class ClusterIT {
    private static final Duration SOON = Duration.ofSeconds(60);

    @TempDir Path folder;

    @Test
    void threeNodesServeAVolumeThroughTheLossOfAnyOne() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 3)) {
            cluster.startAll();
            ClusterView formed = cluster.init();
            assertThat(formed.initialised()).isTrue();
            cluster.awaitHealthy();
            VolumeView created =
                    cluster.admin().createVolume(new CreateVolumeRequest("vm1", 1L << 30, 0));
            assertThat(created.state()).isEqualTo(Volume.State.AVAILABLE);

            MirachClient client = cluster.client("gw1");
            AttachedVolume volume = attach(client, "vm1");
            byte[] first = bytes(1, 256 << 10);
            volume.write(12_288, Unpooled.wrappedBuffer(first)).get(30, TimeUnit.SECONDS);
            assertThat(read(volume, 12_288, first.length)).isEqualTo(first);
            assertThat(read(volume, 512 << 20, 8192)).isEqualTo(new byte[8192]);
            awaitStored(cluster, "vm1", first.length);

            for (int node = 0; node < cluster.size(); node++) {
                cluster.stop(node);
                byte[] data = bytes(100 + node, 128 << 10);
                long offset = (node + 1) * (64L << 20);
                volume.write(offset, Unpooled.wrappedBuffer(data)).get(60, TimeUnit.SECONDS);
                assertThat(read(volume, offset, data.length)).isEqualTo(data);
                assertThat(read(volume, 12_288, first.length)).isEqualTo(first);
                cluster.start(node);
                cluster.awaitHealthy();
            }
            VolumeSettings strict = new VolumeSettings(Optional.of(true), Optional.empty());
            assertThat(cluster.admin().changeVolume("vm1", strict).strictReads()).isTrue();
            assertThat(read(volume, 12_288, first.length)).isEqualTo(first);
            volume.discard(12_288, first.length / 2).get(30, TimeUnit.SECONDS);
            awaitStored(cluster, "vm1", first.length / 2 + 3 * (128 << 10));
            volume.detach().get(60, TimeUnit.SECONDS);
            assertThat(cluster.failures).isEmpty();
        }
    }

    @Test
    void limitsHoldAtOnceAndEndAtOnce() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 3)) {
            cluster.startAll();
            cluster.init();
            cluster.awaitHealthy();
            cluster.admin().createVolume(new CreateVolumeRequest("vm1", 1L << 30, 0));
            MirachClient client = cluster.client("gw1");
            AttachedVolume volume = attach(client, "vm1");

            // From before the limit: what is not used from then on is saved up.
            long start = System.nanoTime();
            limitWrites(cluster, client, 50);
            allOf(writes(volume, 31)).get(60, TimeUnit.SECONDS);
            // The first goes at once; of a burst of 1 s nothing is saved up yet.
            assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(590));

            limitWrites(cluster, client, 1);
            List<CompletableFuture<Void>> waiting = writes(volume, 500);
            assertThat(read(volume, 0, 4096)).isEqualTo(bytes(0, 4096));
            assertThat(waiting.get(499)).isNotDone();
            limitWrites(cluster, client, 0);
            allOf(waiting).get(60, TimeUnit.SECONDS);

            limitWrites(cluster, client, 1);
            List<CompletableFuture<Void>> last = writes(volume, 500);
            volume.detach().get(60, TimeUnit.SECONDS);
            assertThat(last).allMatch(write -> write.isDone() && !write.isCompletedExceptionally());
            assertThat(cluster.failures).isEmpty();
        }
    }

    /** Returns when the client's volumes keep to it. */
    private static void limitWrites(InProcessCluster cluster, MirachClient client, long iops)
            throws Exception {
        IoLimitsChange change =
                new IoLimitsChange(
                        Optional.empty(),
                        Optional.of(iops),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty());
        CompletableFuture<Void> known = new CompletableFuture<>();
        // Told after the volumes, which listen since the client began.
        AutoCloseable listening =
                client.onImage(
                        image -> {
                            Volume vm1 = image.volumeNamed("vm1").orElseThrow();
                            if (vm1.limits().writeIops() == iops) {
                                known.complete(null);
                            }
                        });
        cluster.admin()
                .changeVolume("vm1", new VolumeSettings(Optional.empty(), Optional.of(change)));
        known.get(60, TimeUnit.SECONDS);
        listening.close();
    }

    private static List<CompletableFuture<Void>> writes(AttachedVolume volume, int count) {
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            writes.add(volume.write(0, Unpooled.wrappedBuffer(bytes(0, 4096))));
        }
        return writes;
    }

    private static CompletableFuture<Void> allOf(List<CompletableFuture<Void>> all) {
        return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new));
    }

    @Test
    void everythingSurvivesTheEndOfAllNodes() throws Exception {
        byte[] data = bytes(7, 1 << 20);
        try (InProcessCluster cluster = new InProcessCluster(folder, 3)) {
            cluster.startAll();
            cluster.init();
            cluster.awaitHealthy();
            cluster.admin().createVolume(new CreateVolumeRequest("vm1", 1L << 30, 0));
            MirachClient client = cluster.client("gw1");
            AttachedVolume volume = attach(client, "vm1");
            volume.write(0, Unpooled.wrappedBuffer(data)).get(30, TimeUnit.SECONDS);
            for (int node = 0; node < 3; node++) {
                cluster.stop(node);
            }
            UUID leftover = UUID.randomUUID();
            inStores(cluster, stores -> stores.chunkStore(leftover).close());
            cluster.startAll();
            assertThat(read(volume, 0, data.length)).isEqualTo(data);
            // The same owner after a restart gets it at once; its former self is fenced.
            MirachClient again = cluster.client("gw1");
            AttachedVolume resumed = attach(again, "vm1");
            assertThat(resumed.epoch()).isGreaterThan(volume.epoch());
            assertThat(read(resumed, 0, data.length)).isEqualTo(data);
            assertCode(volume.write(0, Unpooled.wrappedBuffer(data)), ErrorCode.FENCED);
            // A removal that was cut off is brought to its end; what the groups hold stays.
            cluster.stop(0);
            inStores(
                    cluster,
                    stores ->
                            assertThat(stores.chunkGroups()).doesNotContain(leftover).isNotEmpty());
        }
    }

    /** What the first node, which does not run, has stored. */
    private static void inStores(InProcessCluster cluster, Consumer<ChunkStores> use) {
        NodeConfig config = cluster.config(0);
        try (StoreMemory memory = new StoreMemory(config.store());
                ChunkStores stores =
                        ChunkStores.open(config.dataDirs().get(0).resolve("store"), memory)) {
            use.accept(stores);
        }
    }

    @Test
    void aVolumeHasOneAttachmentAndIsDeletedOnlyWithout() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 3)) {
            cluster.startAll();
            cluster.init();
            cluster.awaitHealthy();
            AdminClient admin = cluster.admin();
            admin.createVolume(new CreateVolumeRequest("vm1", 64L << 20, 0));
            assertAdminCode(
                    () -> admin.createVolume(new CreateVolumeRequest("vm1", 64L << 20, 0)),
                    ErrorCode.VOLUME_EXISTS);
            MirachClient first = cluster.client("gw1");
            MirachClient second = cluster.client("gw2");
            AttachedVolume held = attach(first, "vm1");
            assertThatThrownBy(() -> attach(second, "vm1"))
                    .hasMessageContaining("gw1")
                    .hasMessageContaining("test-host")
                    .satisfies(e -> assertThat(codeOf(e)).isEqualTo(ErrorCode.VOLUME_IN_USE));
            assertAdminCode(() -> admin.deleteVolume("vm1"), ErrorCode.VOLUME_IN_USE);

            admin.detach("vm1", new DetachRequest(true));
            assertThat(admin.volume("vm1").attachments()).isEmpty();
            assertCode(held.write(0, Unpooled.wrappedBuffer(new byte[4096])), ErrorCode.FENCED);
            AttachedVolume taken = attach(second, "vm1");
            taken.write(0, Unpooled.wrappedBuffer(bytes(3, 4096))).get(30, TimeUnit.SECONDS);
            taken.detach().get(30, TimeUnit.SECONDS);

            admin.deleteVolume("vm1");
            assertThat(admin.volumes()).isEmpty();
            assertAdminCode(() -> admin.volume("vm1"), ErrorCode.NO_SUCH_VOLUME);
            assertCode(first.attach("vm1", Attachment.Mode.READ_WRITE), ErrorCode.NO_SUCH_VOLUME);
        }
    }

    @Test
    void anyNodeAnswersAndInitMayBeRepeated() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 4, 2)) {
            cluster.startAll();
            assertAdminCode(() -> cluster.admin(0).status(), ErrorCode.NOT_INITIALISED);
            assertThat(cluster.admin(0).cluster().initialised()).isFalse();
            ClusterView formed = cluster.init();
            assertThat(cluster.init().clusterId()).isEqualTo(formed.clusterId());
            cluster.awaitHealthy();
            for (int node = 0; node < cluster.size(); node++) {
                AdminClient admin = cluster.admin(node);
                String name = "via-" + node;
                assertThat(admin.createVolume(new CreateVolumeRequest(name, 1 << 20, 0)).state())
                        .isEqualTo(Volume.State.AVAILABLE);
                assertThat(admin.nodes()).hasSize(4);
                assertThat(admin.df().rows()).hasSize(8);
                assertThat(admin.placementGroups()).hasSize(1 + 8);
                await().atMost(SOON).until(() -> admin.cluster().nodes().size() == 4);
                admin.deleteVolume(name);
            }
        }
    }

    /** The count is exact once the last one is old enough to be renewed. */
    private static void awaitStored(InProcessCluster cluster, String volume, long bytes) {
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(200))
                .untilAsserted(
                        () -> {
                            assertThat(cluster.admin().volume(volume).allocatedBytes())
                                    .hasValue(bytes);
                            assertThat(cluster.admin().volumes())
                                    .extracting(VolumeView::allocatedBytes)
                                    .containsExactly(OptionalLong.of(bytes));
                        });
    }

    private static AttachedVolume attach(MirachClient client, String volume) {
        return client.attach(volume, Attachment.Mode.READ_WRITE)
                .orTimeout(60, TimeUnit.SECONDS)
                .join();
    }

    private static byte[] bytes(long seed, int length) {
        byte[] data = new byte[length];
        new Random(seed).nextBytes(data);
        return data;
    }

    private static byte[] read(AttachedVolume volume, long offset, int length) throws Exception {
        ByteBuf data = volume.read(offset, length).get(60, TimeUnit.SECONDS);
        try {
            return ByteBufUtil.getBytes(data);
        } finally {
            data.release();
        }
    }

    private static void assertCode(CompletableFuture<?> future, ErrorCode code) {
        assertThatThrownBy(() -> future.orTimeout(60, TimeUnit.SECONDS).join())
                .satisfies(e -> assertThat(codeOf(e)).isEqualTo(code));
    }

    private static void assertAdminCode(Runnable call, ErrorCode code) {
        assertThatThrownBy(call::run).satisfies(e -> assertThat(codeOf(e)).isEqualTo(code));
    }

    private static ErrorCode codeOf(Throwable failure) {
        Throwable cause =
                Optional.of(failure)
                        .filter(CompletionException.class::isInstance)
                        .map(Throwable::getCause)
                        .orElse(failure);
        return cause instanceof MirachException e ? e.code() : null;
    }
}
