package io.mirach.server.node;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import java.util.Collection;
import java.util.List;
import java.util.UUID;

/**
 * Which placement groups a node may serve, and as which Raft groups. A group that lost its majority
 * for good goes on as another Raft group; members of the former one that come back must not serve
 * it beside that. So after a start nothing is served by the map that this node kept: first the meta
 * leader says which map there is by now.
 *
 * <p>Guarded by its owner.
 */
final class ServedByMap {
    private static final long UNKNOWN = -1;

    private Collection<PlacementGroup> groups = List.of();
    private long version = UNKNOWN;
    // What the meta leader said first.
    private long current = UNKNOWN;

    void learned(ClusterImage image) {
        groups = image.placementGroups().values();
        version = image.version();
    }

    /**
     * The meta leader said so after this process started.
     *
     * @return whether that was news
     */
    boolean confirmed(long mapVersion) {
        if (current != UNKNOWN) {
            return false;
        }
        current = mapVersion;
        return true;
    }

    /** What may be served: nothing while the map here may be from before a recovery. */
    Collection<PlacementGroup> groups() {
        return current == UNKNOWN || version < current
                ? List.of()
                : groups.stream()
                        .filter(group -> group.state() != PlacementGroup.State.RECOVERING)
                        .toList();
    }

    /** Whether the newest map here names another Raft group for it, or none that is served. */
    boolean isReplaced(PlacementGroupId id, UUID raftGroupId) {
        return groups.stream()
                .filter(group -> group.id().equals(id))
                .anyMatch(
                        group ->
                                group.state() == PlacementGroup.State.RECOVERING
                                        || !group.raftGroupId().equals(raftGroupId));
    }
}
