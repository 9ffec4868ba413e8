package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Who is asked what a volume stores, and what is made of the answers. */
class StoredBytesSurveyTest {
    private static final VolumeId WIDE = new VolumeId(1);
    private static final VolumeId NARROW = new VolumeId(2);

    /** A cluster of three nodes and groups, a volume in all groups, and one in the first only. */
    private static ClusterImage image() {
        List<PlacementGroupId> all = new ArrayList<>();
        for (int slot = 0; slot < 64; slot++) {
            all.add(new PlacementGroupId(1 + slot % 3));
        }
        return MetaFixtures.after(
                        MetaFixtures.form(),
                        new MetaCommand.CreateVolume("wide", 1 << 30, 4 << 20, all, 1000, false),
                        MetaFixtures.create("narrow"))
                .image()
                .orElseThrow();
    }

    private final ClusterImage image = image();
    private final NodeObservations seen = new NodeObservations(() -> 0);

    /** By node address: the groups that it is asked for. */
    private final Map<String, List<PlacementGroupId>> asked = new HashMap<>();

    /** By group and volume: what its replicas store. */
    private final Map<PlacementGroupId, Map<VolumeId, Long>> stored =
            Map.of(
                    new PlacementGroupId(1), Map.of(WIDE, 100L, NARROW, 7L),
                    new PlacementGroupId(2), Map.of(WIDE, 20L),
                    new PlacementGroupId(3), Map.of(WIDE, 3L));

    private final Set<PlacementGroupId> uncounted = new HashSet<>();

    private final Set<String> failing = new HashSet<>();

    /** A node hears of the groups that it leads; the others it follows. */
    private void heard(int node, int... leads) {
        List<NodeHeartbeat.ReplicaReport> reports = new ArrayList<>();
        for (int group = 1; group <= 3; group++) {
            boolean leader = false;
            for (int led : leads) {
                leader |= led == group;
            }
            LogPosition position = new LogPosition(1, 1);
            reports.add(
                    NodeHeartbeat.ReplicaReport.of(
                            MetaFixtures.dir(node),
                            new ReplicaStatus(
                                    new UUID(3, group),
                                    leader
                                            ? ReplicaStatus.Role.LEADER
                                            : ReplicaStatus.Role.FOLLOWER,
                                    1,
                                    Optional.empty(),
                                    position,
                                    position,
                                    1,
                                    1,
                                    1,
                                    List.of(),
                                    Members.NONE,
                                    -1)));
        }
        seen.heard(new NodeHeartbeat(MetaFixtures.node(node), List.of(), reports, List.of()));
    }

    private CompletableFuture<ByteBuf> answer(
            String address, Opcode opcode, ByteBuf body, Duration timeout) {
        assertThat(opcode).isEqualTo(Opcode.STORED_BYTES);
        List<PlacementGroupId> groups = JsonBody.decode(body, StoredBytes.Query.class).groups();
        asked.put(address, groups);
        if (failing.contains(address)) {
            return CompletableFuture.failedFuture(
                    new MirachException(ErrorCode.UNREACHABLE, "gone"));
        }
        List<PlacementGroupId> counted =
                groups.stream().filter(group -> !uncounted.contains(group)).toList();
        Map<VolumeId, Long> sums = new HashMap<>();
        counted.forEach(g -> stored.get(g).forEach((v, b) -> sums.merge(v, b, Long::sum)));
        return CompletableFuture.completedFuture(
                JsonBody.encode(
                        new StoredBytes(
                                counted,
                                sums.entrySet().stream()
                                        .map(
                                                e ->
                                                        new StoredBytes.OfVolume(
                                                                e.getKey(), e.getValue()))
                                        .toList()),
                        ByteBufAllocator.DEFAULT));
    }

    private Map<VolumeId, Long> take() {
        return new StoredBytesSurvey(this::answer, seen)
                .take(image, image.volumes().values())
                .join();
    }

    private static String address(int node) {
        return MetaFixtures.node(node).nativeAddress();
    }

    @Test
    void eachGroupIsCountedOnceByItsLeader() {
        heard(1, 1, 3);
        heard(2, 2);
        heard(3);
        assertThat(take()).isEqualTo(Map.of(WIDE, 123L, NARROW, 7L));
        assertThat(asked.keySet()).containsExactlyInAnyOrder(address(1), address(2));
        assertThat(asked.get(address(1)))
                .containsExactlyInAnyOrder(new PlacementGroupId(1), new PlacementGroupId(3));
    }

    @Test
    void aFollowerCountsForAGroupWithoutLeader() {
        heard(2);
        assertThat(take()).isEqualTo(Map.of(WIDE, 123L, NARROW, 7L));
        assertThat(asked).containsOnlyKeys(address(2));
    }

    @Test
    void aVolumeIsUnknownIfOneOfItsGroupsIs() {
        heard(1, 1, 3);
        heard(2, 2);
        uncounted.add(new PlacementGroupId(3));
        assertThat(take()).isEqualTo(Map.of(NARROW, 7L));
        failing.add(address(1));
        assertThat(take()).isEmpty();
    }

    @Test
    void nothingIsKnownBeforeNodesAreHeard() {
        assertThat(take()).isEmpty();
        assertThat(asked).isEmpty();
    }
}
