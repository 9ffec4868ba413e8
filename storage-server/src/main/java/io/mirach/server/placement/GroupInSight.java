package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** A group that was created, and what its leader says of it, if it has one. */
record GroupInSight(Step.Group group, ReplicaSet replicaSet, Optional<LeaderView> leader) {
    /** The meta group, then the placement groups by number. */
    static List<GroupInSight> all(ClusterImage image, ClusterSight sight) {
        List<GroupInSight> groups = new ArrayList<>();
        groups.add(new GroupInSight(Step.Group.meta(image), image.metaReplicas(), sight.meta()));
        image.placementGroups().values().stream()
                .filter(group -> group.state() == PlacementGroup.State.ACTIVE)
                .sorted(Comparator.comparing(PlacementGroup::id))
                .map(
                        group ->
                                new GroupInSight(
                                        Step.Group.of(group),
                                        group.replicaSet(),
                                        sight.leaderOf(group)))
                .forEach(groups::add);
        return groups;
    }

    /** The leader's view, if it says who the members are. */
    Optional<LeaderView> known() {
        return leader.filter(view -> !view.members().voters().isEmpty());
    }

    /** Whether its members are those of the map, up and current, and nothing changes. */
    boolean isWhole() {
        Set<UUID> members =
                replicaSet.replicas().stream().map(Replica::dataDir).collect(Collectors.toSet());
        return replicaSet.move().isEmpty()
                && known().filter(
                                view ->
                                        view.members().voters().equals(members)
                                                && view.members().learners().isEmpty()
                                                && members.stream()
                                                        .allMatch(view.members()::isSound)
                                                && members.stream().allMatch(view::isCurrent))
                        .isPresent();
    }
}
