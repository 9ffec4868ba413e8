package io.mirach.server.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.DataDir;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ReplicaPlacementTest {
    private static StorageNode node(String name, String zone, String rack, int dirs) {
        List<DataDir> dataDirs = new ArrayList<>();
        for (int i = 0; i < dirs; i++) {
            dataDirs.add(new DataDir(new UUID(name.hashCode(), i), "h:" + (i + 1)));
        }
        return new StorageNode(name, dataDirs, "h:1", "h:2", zone, rack, Map.of());
    }

    private static Map<UUID, Integer> count(List<UUID> ids) {
        Map<UUID, Integer> counts = new HashMap<>();
        ids.forEach(id -> counts.merge(id, 1, Integer::sum));
        return counts;
    }

    @Test
    void threeNodesHoldEveryGroupAndLeadOneEach() {
        List<StorageNode> nodes =
                List.of(node("a", "", "", 1), node("b", "", "", 1), node("c", "", "", 1));
        assertThat(ReplicaPlacement.defaultGroupCount(nodes)).isEqualTo(3);
        List<ReplicaPlacement.Choice> choices = ReplicaPlacement.place(nodes, 3);
        assertThat(choices)
                .allSatisfy(
                        choice ->
                                assertThat(choice.replicas())
                                        .extracting(Replica::node)
                                        .containsExactlyInAnyOrder("a", "b", "c"));
        assertThat(choices)
                .extracting(ReplicaPlacement.Choice::preferredLeader)
                .doesNotHaveDuplicates();
        assertThat(choices)
                .allSatisfy(
                        choice ->
                                assertThat(choice.replicas())
                                        .extracting(Replica::dataDir)
                                        .contains(choice.preferredLeader()));
    }

    @Test
    void replicasGoToDifferentZonesWhereThereAreThree() {
        List<StorageNode> nodes = new ArrayList<>();
        for (String zone : List.of("z1", "z2", "z3")) {
            for (int i = 0; i < 3; i++) {
                nodes.add(node(zone + "-" + i, zone, "same-rack", 1));
            }
        }
        for (ReplicaPlacement.Choice choice : ReplicaPlacement.place(nodes, 30)) {
            Set<String> zones = new HashSet<>();
            choice.replicas().forEach(r -> zones.add(r.node().substring(0, 2)));
            assertThat(zones).hasSize(3);
        }
    }

    @Test
    void replicasGoToDifferentRacksWhereThereIsOneZone() {
        List<StorageNode> nodes = new ArrayList<>();
        for (String rack : List.of("r1", "r2", "r3")) {
            for (int i = 0; i < 2; i++) {
                nodes.add(node(rack + "-" + i, "zone", rack, 1));
            }
        }
        for (ReplicaPlacement.Choice choice : ReplicaPlacement.place(nodes, 20)) {
            Set<String> racks = new HashSet<>();
            choice.replicas().forEach(r -> racks.add(r.node().substring(0, 2)));
            assertThat(racks).hasSize(3);
        }
    }

    @Test
    void twoZonesAreBothUsedAndRacksToldApartWithin() {
        List<StorageNode> nodes =
                List.of(
                        node("a", "z1", "r1", 1),
                        node("b", "z1", "r1", 1),
                        node("c", "z1", "r2", 1),
                        node("d", "z2", "r1", 1));
        for (ReplicaPlacement.Choice choice : ReplicaPlacement.place(nodes, 12)) {
            assertThat(choice.replicas()).extracting(Replica::node).contains("d", "c");
        }
    }

    @Test
    void replicasAndLeadersAreEvenOverDataDirs() {
        List<StorageNode> nodes = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            nodes.add(node("n" + i, "", "", 2));
        }
        List<ReplicaPlacement.Choice> choices = ReplicaPlacement.place(nodes, 20);
        List<UUID> replicas = new ArrayList<>();
        choices.forEach(c -> c.replicas().forEach(r -> replicas.add(r.dataDir())));
        assertThat(count(replicas).values()).allMatch(n -> n == 6).hasSize(10);
        assertThat(
                        count(
                                        choices.stream()
                                                .map(ReplicaPlacement.Choice::preferredLeader)
                                                .toList())
                                .values())
                .allMatch(n -> n >= 1 && n <= 3);
    }

    @Test
    void theSameNodesInAnotherOrderGiveTheSameChoice() {
        List<StorageNode> nodes =
                List.of(
                        node("a", "", "", 1),
                        node("b", "", "", 2),
                        node("c", "", "", 1),
                        node("d", "", "", 1));
        List<StorageNode> turned = List.of(nodes.get(2), nodes.get(0), nodes.get(3), nodes.get(1));
        assertThat(ReplicaPlacement.place(turned, 8)).isEqualTo(ReplicaPlacement.place(nodes, 8));
    }

    @Test
    void twoNodesAreNotEnough() {
        assertThatThrownBy(
                        () ->
                                ReplicaPlacement.place(
                                        List.of(node("a", "", "", 3), node("b", "", "", 3)), 1))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_ENOUGH_NODES));
    }

    @Test
    void theMetaGroupHasTheAskedNodeAndFiveOfFiveOrMore() {
        List<StorageNode> nodes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            nodes.add(node("n" + i, "", "", 1));
        }
        assertThat(ReplicaPlacement.metaMembers(nodes, "n3"))
                .extracting(StorageNode::name)
                .hasSize(3)
                .contains("n3")
                .doesNotHaveDuplicates();
        nodes.add(node("n4", "", "", 1));
        nodes.add(node("n5", "", "", 1));
        assertThat(ReplicaPlacement.metaMembers(nodes, "n5")).hasSize(5).contains(nodes.get(5));
    }
}
