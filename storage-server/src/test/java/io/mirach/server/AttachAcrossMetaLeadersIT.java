package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.PgView;
import io.mirach.client.AttachOptions;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.model.Attachment;
import io.mirach.model.Attachment.Mode;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.ReadRequest;
import io.mirach.protocol.data.ReadRequestCodec;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The meta leader ends between the two halves of an attachment: the epoch is logged and the one
 * before is revoked, but a placement group without a majority has not admitted it yet.
 */
@Timeout(240)
class AttachAcrossMetaLeadersIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int BLOCK = 4096;

    @TempDir Path folder;

    private InProcessCluster cluster;
    // What the second client's maps ever showed.
    private final Set<Epoch> everLive = ConcurrentHashMap.newKeySet();
    private final Set<Epoch> everLost = ConcurrentHashMap.newKeySet();
    private final Set<Epoch> cameBack = ConcurrentHashMap.newKeySet();

    @Test
    void theNextMetaLeaderGoesOnWithAnAttachmentThatIsPending() throws Exception {
        try (InProcessCluster started = new InProcessCluster(folder, 4)) {
            cluster = started;
            cluster.startAll();
            cluster.init();
            await().atMost(SOON).ignoreExceptions().until(this::allGroupsAreHealthy);
            cluster.admin().createVolume(new CreateVolumeRequest("vm", 1L << 30, 0));
            MirachClient first = cluster.client("gw-1");
            MirachClient second = cluster.client("gw-2");
            AttachedVolume before = attach(first, AttachOptions.of(Mode.READ_WRITE));
            Volume volume = second.image().volumeNamed("vm").orElseThrow();
            second.onImage(image -> observe(image, volume));

            int outsider = outsider(second.image());
            int member = memberBeside(second.image(), outsider);
            cluster.stop(outsider);
            cluster.stop(member);
            CompletableFuture<AttachedVolume> attaching =
                    second.attach("vm", AttachOptions.forced(Mode.READ_WRITE));
            await().atMost(SOON).until(() -> isPending(second.image(), volume, "gw-2"));

            int leader = metaLeader(outsider, member);
            cluster.stop(leader);
            assertThat(attaching).as("not granted while a group knows nothing").isNotDone();
            cluster.start(member);
            cluster.start(outsider);
            AttachedVolume granted = attaching.get(90, TimeUnit.SECONDS);
            cluster.start(leader);

            await().atMost(SOON).until(() -> everLive.contains(granted.epoch()));
            assertThat(second.image().accessTo(volume.id()).held())
                    .singleElement()
                    .matches(a -> a.epoch().equals(granted.epoch()))
                    .matches(a -> a.state() == Attachment.State.LIVE);
            assertThat(everLive).containsOnly(before.epoch(), granted.epoch());
            assertThat(everLost).contains(before.epoch()).doesNotContain(granted.epoch());
            assertThat(cameBack).isEmpty();
            assertThatTheOneOfAllEpochsIsServed(second.image(), volume, granted);
        }
    }

    private static AttachedVolume attach(MirachClient client, AttachOptions how) {
        return client.attach("vm", how).orTimeout(60, TimeUnit.SECONDS).join();
    }

    private boolean allGroupsAreHealthy() {
        return cluster.admin().placementGroups().stream()
                .allMatch(pg -> pg.state() == PgView.Condition.HEALTHY);
    }

    private void observe(ClusterImage image, Volume volume) {
        for (Attachment each : image.accessTo(volume.id()).attachments()) {
            if (!each.held()) {
                everLost.add(each.epoch());
            } else if (everLost.contains(each.epoch())) {
                cameBack.add(each.epoch());
            }
            if (each.state() == Attachment.State.LIVE) {
                everLive.add(each.epoch());
            }
        }
    }

    private static boolean isPending(ClusterImage image, Volume volume, String gateway) {
        return image.accessTo(volume.id())
                .heldBy(gateway)
                .filter(a -> a.state() == Attachment.State.PENDING)
                .isPresent();
    }

    /** The node that holds no replica of the meta group. */
    private int outsider(ClusterImage image) {
        List<String> members = image.metaReplicas().replicas().stream().map(Replica::node).toList();
        return image.nodes().keySet().stream()
                .filter(node -> !members.contains(node))
                .mapToInt(cluster::indexOf)
                .findFirst()
                .orElseThrow();
    }

    /**
     * A node without which, and without {@code other}, a placement group has no majority, and the
     * meta group has; not the meta leader.
     */
    private int memberBeside(ClusterImage image, int other) {
        int leader = metaLeader();
        return image.placementGroups().values().stream()
                .map(PlacementGroup::replicaSet)
                .map(set -> set.replicas().stream().map(r -> cluster.indexOf(r.node())).toList())
                .filter(nodes -> nodes.contains(other))
                .flatMap(List::stream)
                .filter(node -> node != other && node != leader)
                .findFirst()
                .orElseThrow();
    }

    /** Asks a node other than those. */
    private int metaLeader(Integer... down) {
        for (int node = 0; node < cluster.size(); node++) {
            if (!List.of(down).contains(node)) {
                return cluster.indexOf(cluster.admin(node).cluster().metaLeader().orElseThrow());
            }
        }
        throw new IllegalStateException("all are down");
    }

    private void assertThatTheOneOfAllEpochsIsServed(
            ClusterImage image, Volume volume, AttachedVolume granted) throws Exception {
        granted.write(0, Unpooled.wrappedBuffer(new byte[BLOCK])).get(60, TimeUnit.SECONDS);
        try (NodeCaller caller = new NodeCaller(image)) {
            for (PlacementGroupId group : Set.copyOf(volume.slots())) {
                long extent = volume.slots().indexOf(group);
                for (long epoch = 1; epoch < granted.epoch().value(); epoch++) {
                    CompletableFuture<Void> read =
                            read(caller, volume, group, extent, new Epoch(epoch));
                    assertThatThrownBy(() -> read.get(60, TimeUnit.SECONDS))
                            .cause()
                            .isInstanceOfSatisfying(
                                    MirachException.class,
                                    e -> assertThat(e.code()).isEqualTo(ErrorCode.FENCED));
                }
                read(caller, volume, group, extent, granted.epoch()).get(60, TimeUnit.SECONDS);
            }
        }
    }

    private static CompletableFuture<Void> read(
            NodeCaller caller, Volume volume, PlacementGroupId group, long extent, Epoch epoch) {
        long block = extent * volume.extentBytes() / BLOCK;
        return caller.ask(
                Opcode.READ,
                () ->
                        ReadRequestCodec.encode(
                                new ReadRequest(
                                        group, volume.id(), epoch, volume.head(), block, 1, false),
                                ByteBufAllocator.DEFAULT));
    }
}
