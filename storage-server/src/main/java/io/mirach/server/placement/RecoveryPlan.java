package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.GroupRecovery;
import io.mirach.model.PlacementGroup;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Brings recoveries of groups that had lost their majority to their end: the survivor takes over,
 * and what is left of before is deleted, once the group is whole again and an administrator has
 * said so. The other replicas are made as any that a group lacks. Pure.
 */
final class RecoveryPlan {
    private RecoveryPlan() {}

    static List<Step> steps(ClusterImage image, ClusterSight sight) {
        List<Step> steps = new ArrayList<>();
        image.placementGroups().values().stream()
                .filter(group -> group.recovery().isPresent())
                .sorted(Comparator.comparing(PlacementGroup::id))
                .forEach(
                        group -> {
                            if (group.state() == PlacementGroup.State.RECOVERING) {
                                steps.add(new Step.RecoverGroup(group));
                            } else if (sight.isWhole(group)) {
                                steps.addAll(removals(image, sight, group));
                            }
                        });
        return steps;
    }

    private static List<Step> removals(
            ClusterImage image, ClusterSight sight, PlacementGroup group) {
        GroupRecovery recovery = group.recovery().orElseThrow();
        if (!recovery.discards()) {
            return List.of();
        }
        return sight.held().stream()
                .filter(held -> recovery.replaced().contains(held.raftGroupId()))
                .filter(held -> image.nodeOfDataDir(held.dataDir()).isPresent())
                .map(held -> removal(group, held.raftGroupId(), held.dataDir()))
                .toList();
    }

    private static Step removal(PlacementGroup group, UUID replaced, UUID dataDir) {
        return new Step.RemoveReplica(
                new Step.Group(
                        group.id() + " as it was before its recovery, " + replaced,
                        replaced,
                        Optional.of(group.id())),
                dataDir,
                // Nothing that comes later counts.
                Long.MAX_VALUE);
    }
}
