package io.mirach.server.placement;

import io.mirach.model.Migration;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * What the meta leader sees of the cluster when it plans.
 *
 * @param leaders of the groups that have one
 * @param meta the leader of the meta group, if it has one
 * @param up the nodes that are heard
 * @param away those that have not been heard for so long that they are to be replaced
 * @param arrived those that are to join, and are heard with the data dirs that they were given
 * @param held what the nodes that are heard say they hold
 * @param rooms by data dir, of the nodes that are heard
 * @param slow the data dirs whose disks are much slower than the others'
 * @param nowMs wall clock
 * @param isOver whether the window of a migration is
 */
public record ClusterSight(
        Map<PlacementGroupId, LeaderView> leaders,
        Optional<LeaderView> meta,
        Set<String> up,
        Set<String> away,
        Set<String> arrived,
        List<Held> held,
        Map<UUID, Room> rooms,
        Set<UUID> slow,
        long nowMs,
        Predicate<Migration> isOver) {
    public ClusterSight {
        leaders = Map.copyOf(leaders);
        up = Set.copyOf(up);
        away = Set.copyOf(away);
        arrived = Set.copyOf(arrived);
        held = List.copyOf(held);
        rooms = Map.copyOf(rooms);
        slow = Set.copyOf(slow);
    }

    /** A replica in a data dir. */
    public record Held(UUID dataDir, UUID raftGroupId) {}

    /**
     * The room in a data dir.
     *
     * @param usedBytes taken by Mirach's own files
     * @param availableBytes free on its file system
     * @param ample whether that is enough for more
     */
    public record Room(long usedBytes, long availableBytes, boolean ample) {}

    /** Whether a group's members are those of the map, up, current and sound, and none changes. */
    public boolean isWhole(PlacementGroup group) {
        return new GroupInSight(Step.Group.of(group), group.replicaSet(), leaderOf(group))
                .isWhole();
    }

    Optional<LeaderView> leaderOf(PlacementGroup group) {
        return Optional.ofNullable(leaders.get(group.id()));
    }
}
