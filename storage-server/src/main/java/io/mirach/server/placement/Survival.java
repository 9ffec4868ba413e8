package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.StorageNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** What would be left of the groups if a node were lost now. Pure. */
public final class Survival {
    private Survival() {}

    /**
     * A group of which a node has a vote, or may have.
     *
     * @param placementGroup empty for the meta group
     * @param left voters on other nodes that are up and current; 0 if the members are not known
     * @param needed so many of them are a majority
     */
    public record Group(
            Optional<PlacementGroupId> placementGroup, int left, int needed, boolean ledByIt) {
        public boolean survives() {
            return left >= needed;
        }
    }

    /** The meta group first. */
    public static List<Group> without(ClusterImage image, ClusterSight sight, String node) {
        List<Group> groups = new ArrayList<>();
        for (GroupInSight group : GroupInSight.all(image, sight)) {
            Optional<LeaderView> view = group.known();
            if (view.isEmpty()) {
                boolean involved =
                        group.replicaSet().holders().stream()
                                .anyMatch(holder -> holder.node().equals(node));
                if (involved) {
                    groups.add(
                            new Group(
                                    group.group().placementGroup(),
                                    0,
                                    group.replicaSet().replicas().size() / 2 + 1,
                                    false));
                }
            } else if (votes(image, view.get(), node)) {
                groups.add(left(image, group, view.get(), node));
            }
        }
        return groups;
    }

    private static boolean votes(ClusterImage image, LeaderView view, String node) {
        return view.members().voters().stream().anyMatch(dir -> isOn(image, dir, node));
    }

    private static Group left(
            ClusterImage image, GroupInSight group, LeaderView view, String node) {
        Set<UUID> voters = view.members().voters();
        long left =
                voters.stream()
                        .filter(dir -> !isOn(image, dir, node))
                        .filter(view.members()::isSound)
                        .filter(view::isCurrent)
                        .count();
        return new Group(
                group.group().placementGroup(),
                (int) left,
                voters.size() / 2 + 1,
                isOn(image, view.leader(), node));
    }

    private static boolean isOn(ClusterImage image, UUID dataDir, String node) {
        return image.nodeOfDataDir(dataDir).map(StorageNode::name).filter(node::equals).isPresent();
    }
}
