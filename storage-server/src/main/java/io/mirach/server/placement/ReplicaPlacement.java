package io.mirach.server.placement;

import io.mirach.model.DataDir;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Chooses data dirs for replicas: three nodes in different zones where there are enough zones, else
 * in different racks, always on different nodes; even over data dirs, and leaders too. Pure: the
 * same nodes give the same choice.
 */
public final class ReplicaPlacement {
    public static final int REPLICAS = 3;

    /** Where one placement group goes, and who should lead it. */
    public record Choice(List<Replica> replicas, UUID preferredLeader) {
        public Choice {
            replicas = List.copyOf(replicas);
        }
    }

    private final List<StorageNode> nodes;
    private final Map<UUID, Integer> replicasOfDir = new HashMap<>();
    private final Map<UUID, Integer> leadersOfDir = new HashMap<>();
    private final Map<String, Integer> replicasOfNode = new HashMap<>();
    private final Map<String, Integer> leadersOfNode = new HashMap<>();

    private ReplicaPlacement(Collection<StorageNode> nodes) {
        this.nodes = nodes.stream().sorted(Comparator.comparing(StorageNode::name)).toList();
    }

    /** One per data dir, three at least: enough to spread leaders, few enough to batch well. */
    public static int defaultGroupCount(Collection<StorageNode> nodes) {
        return Math.max(REPLICAS, nodes.stream().mapToInt(n -> n.dataDirs().size()).sum());
    }

    /** Places {@code groupCount} new groups; NOT_ENOUGH_NODES with fewer than three nodes. */
    public static List<Choice> place(Collection<StorageNode> nodes, int groupCount) {
        if (nodes.size() < REPLICAS) {
            throw new MirachException(
                    ErrorCode.NOT_ENOUGH_NODES,
                    "three replicas need three nodes, and there are " + nodes.size());
        }
        ReplicaPlacement placement = new ReplicaPlacement(nodes);
        List<Choice> choices = new ArrayList<>();
        for (int i = 0; i < groupCount; i++) {
            choices.add(placement.next());
        }
        return choices;
    }

    /**
     * The members of the meta group: five of five nodes or more, else three, {@code first} among
     * them; the first data dir of each.
     */
    public static List<StorageNode> metaMembers(Collection<StorageNode> nodes, String first) {
        ReplicaPlacement placement = new ReplicaPlacement(nodes);
        int count = nodes.size() >= 5 ? 5 : REPLICAS;
        List<StorageNode> chosen = new ArrayList<>();
        placement.nodes.stream().filter(n -> n.name().equals(first)).forEach(chosen::add);
        while (chosen.size() < count) {
            chosen.add(placement.nextNode(chosen));
        }
        return List.copyOf(chosen);
    }

    private Choice next() {
        List<StorageNode> chosen = new ArrayList<>();
        while (chosen.size() < REPLICAS) {
            chosen.add(nextNode(chosen));
        }
        List<Replica> replicas = new ArrayList<>();
        for (StorageNode node : chosen) {
            DataDir dir =
                    node.dataDirs().stream()
                            .min(Comparator.comparingInt(d -> count(replicasOfDir, d.id())))
                            .orElseThrow();
            replicas.add(new Replica(node.name(), dir.id()));
            replicasOfDir.merge(dir.id(), 1, Integer::sum);
            replicasOfNode.merge(node.name(), 1, Integer::sum);
        }
        Replica leader =
                replicas.stream()
                        .min(
                                Comparator.<Replica>comparingInt(
                                                r -> count(leadersOfNode, r.node()))
                                        .thenComparingInt(r -> count(leadersOfDir, r.dataDir()))
                                        .thenComparing(Replica::node))
                        .orElseThrow();
        leadersOfNode.merge(leader.node(), 1, Integer::sum);
        leadersOfDir.merge(leader.dataDir(), 1, Integer::sum);
        return new Choice(replicas, leader.dataDir());
    }

    /** The node that shares least with those chosen, then the one with the fewest replicas. */
    private StorageNode nextNode(List<StorageNode> chosen) {
        Set<String> names = new HashSet<>();
        chosen.forEach(n -> names.add(n.name()));
        return nodes.stream()
                .filter(n -> !names.contains(n.name()) && !n.dataDirs().isEmpty())
                .min(
                        Comparator.<StorageNode>comparingInt(
                                        n -> FailureDomains.conflicts(n, chosen))
                                .thenComparingDouble(this::fill)
                                .thenComparing(StorageNode::name))
                .orElseThrow(
                        () ->
                                new MirachException(
                                        ErrorCode.NOT_ENOUGH_NODES, "no node is left to choose"));
    }

    // A node with more disks takes more replicas.
    private double fill(StorageNode node) {
        return (double) count(replicasOfNode, node.name()) / node.dataDirs().size();
    }

    private static <K> int count(Map<K, Integer> counts, K key) {
        return counts.getOrDefault(key, 0);
    }
}
