package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroup;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Who should lead: the preferred leader, unless its node is to be left alone, or its disk is slow;
 * and the preferred leaders spread evenly over the nodes. One change at a time: each stops its
 * group for a moment. Pure.
 */
final class LeaderPlan {
    // A leader on a node that is to be left alone need not rest first; but a hand-over takes a
    // moment.
    private static final long ATTEMPT_MS = 1_000;

    private final ClusterImage image;
    private final ClusterSight sight;
    private final List<GroupInSight> groups;

    private LeaderPlan(ClusterImage image, ClusterSight sight) {
        this.image = image;
        this.sight = sight;
        this.groups = GroupInSight.all(image, sight);
    }

    static Optional<Step> next(ClusterImage image, ClusterSight sight) {
        LeaderPlan plan = new LeaderPlan(image, sight);
        return plan.groups.stream()
                .flatMap(group -> group.known().flatMap(view -> plan.move(group, view)).stream())
                .findFirst()
                .or(plan::preference);
    }

    private Optional<Step> move(GroupInSight group, LeaderView view) {
        boolean leaderStays = mayLead(group, view, view.leader());
        Optional<UUID> preferred = preferredLeader(group).filter(dir -> mayLead(group, view, dir));
        boolean due =
                leaderStays
                        ? view.stableMs() >= PlacementDriver.LEADER_REST_MS
                        : view.stableMs() >= ATTEMPT_MS;
        if (!due) {
            return Optional.empty();
        }
        Optional<UUID> to =
                leaderStays
                        ? preferred
                        : preferred.or(
                                () ->
                                        group.replicaSet().replicas().stream()
                                                .map(Replica::dataDir)
                                                .filter(dir -> mayLead(group, view, dir))
                                                .min(Comparator.comparingInt(this::leadsNow)));
        return to.filter(dir -> !dir.equals(view.leader()))
                .map(dir -> new Step.MoveLeader(group.group(), view.leader(), dir));
    }

    private Optional<UUID> preferredLeader(GroupInSight group) {
        return group.group()
                .placementGroup()
                .map(image.placementGroups()::get)
                .map(PlacementGroup::preferredLeader);
    }

    private boolean mayLead(GroupInSight group, LeaderView view, UUID dir) {
        boolean leaves =
                group.replicaSet().move().filter(m -> m.from().dataDir().equals(dir)).isPresent();
        return !leaves
                && !sight.slow().contains(dir)
                && view.members().voters().contains(dir)
                && view.isCurrent(dir)
                && image.nodeOfDataDir(dir).filter(this::takesLeaders).isPresent();
    }

    private boolean takesLeaders(StorageNode node) {
        return node.duty().state() == NodeDuty.State.IN_SERVICE
                && !node.duty().inMaintenance(sight.nowMs());
    }

    private int leadsNow(UUID dir) {
        return (int)
                groups.stream()
                        .filter(g -> g.leader().filter(v -> v.leader().equals(dir)).isPresent())
                        .count();
    }

    /** From the node that is preferred most to the one that is preferred least. */
    private Optional<Step> preference() {
        if (!groups.stream().allMatch(GroupInSight::isWhole)) {
            return Optional.empty();
        }
        Map<String, Integer> preferred = new HashMap<>();
        for (PlacementGroup group : image.placementGroups().values()) {
            nodeOf(group, group.preferredLeader())
                    .ifPresent(node -> preferred.merge(node, 1, Integer::sum));
        }
        record Shift(int gain, PlacementGroup group, UUID to) {}
        return image.placementGroups().values().stream()
                .sorted(Comparator.comparing(PlacementGroup::id))
                .flatMap(
                        group ->
                                group.replicaSet().replicas().stream()
                                        .filter(r -> takesLeaders(image.nodes().get(r.node())))
                                        .map(
                                                r ->
                                                        new Shift(
                                                                gain(group, r, preferred),
                                                                group,
                                                                r.dataDir())))
                .filter(shift -> shift.gain() >= 2)
                .max(Comparator.comparingInt(Shift::gain))
                .map(shift -> new Step.PreferLeader(shift.group().id(), shift.to()));
    }

    private static int gain(PlacementGroup group, Replica to, Map<String, Integer> preferred) {
        int from =
                nodeOf(group, group.preferredLeader())
                        .map(node -> preferred.getOrDefault(node, 0))
                        // No member at all: whoever it is, is better.
                        .orElse(Integer.MAX_VALUE / 2);
        return from - preferred.getOrDefault(to.node(), 0);
    }

    private static Optional<String> nodeOf(PlacementGroup group, UUID dir) {
        return group.replicaSet().ofDataDir(dir).map(Replica::node);
    }
}
