package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.PlacementGroup;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** How many replicas of placement groups nodes and data dirs have, moves taken as done. */
final class Load {
    private final Map<String, Integer> ofNode = new HashMap<>();
    private final Map<UUID, Integer> ofDir = new HashMap<>();

    static Load of(ClusterImage image) {
        Load load = new Load();
        for (PlacementGroup group : image.placementGroups().values()) {
            group.replicaSet().target().forEach(load::add);
        }
        return load;
    }

    void add(Replica replica) {
        ofNode.merge(replica.node(), 1, Integer::sum);
        ofDir.merge(replica.dataDir(), 1, Integer::sum);
    }

    /** Replicas per data dir, if the node had {@code more} of them. */
    double fill(StorageNode node, int more) {
        return (double) (ofNode.getOrDefault(node.name(), 0) + more) / node.dataDirs().size();
    }

    double fill(StorageNode node) {
        return fill(node, 0);
    }

    /** The emptiest of a node's data dirs that have room. */
    Optional<DataDir> emptiestDir(StorageNode node, ClusterSight sight, long neededBytes) {
        return node.dataDirs().stream()
                .filter(
                        dir -> {
                            ClusterSight.Room room = sight.rooms().get(dir.id());
                            return room != null
                                    && room.ample()
                                    && room.availableBytes() > neededBytes;
                        })
                .min(
                        Comparator.<DataDir>comparingInt(d -> ofDir.getOrDefault(d.id(), 0))
                                .thenComparing(DataDir::id));
    }

    /** What a replica in a data dir takes, as a mean of those there. */
    long meanBytes(UUID dataDir, ClusterSight sight) {
        ClusterSight.Room room = sight.rooms().get(dataDir);
        return room == null ? 0 : room.usedBytes() / Math.max(1, ofDir.getOrDefault(dataDir, 0));
    }
}
