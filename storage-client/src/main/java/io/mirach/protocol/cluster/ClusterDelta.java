package io.mirach.protocol.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** What changed between two versions of the cluster map: entries set, and keys removed. */
public record ClusterDelta(
        long fromVersion,
        long toVersion,
        Optional<ReplicaSet> metaReplicas,
        List<StorageNode> nodes,
        List<String> removedNodes,
        List<PlacementGroup> placementGroups,
        List<PlacementGroupId> removedPlacementGroups,
        List<Volume> volumes,
        List<VolumeId> removedVolumes,
        List<VolumeAccess> access,
        List<VolumeId> removedAccess,
        List<Gateway> gateways,
        List<String> removedGateways) {

    /** The difference of two images. */
    public static ClusterDelta between(ClusterImage from, ClusterImage to) {
        return new ClusterDelta(
                from.version(),
                to.version(),
                from.metaReplicas().equals(to.metaReplicas())
                        ? Optional.empty()
                        : Optional.of(to.metaReplicas()),
                changed(from.nodes(), to.nodes()),
                removed(from.nodes(), to.nodes()),
                changed(from.placementGroups(), to.placementGroups()),
                removed(from.placementGroups(), to.placementGroups()),
                changed(from.volumes(), to.volumes()),
                removed(from.volumes(), to.volumes()),
                changed(from.access(), to.access()),
                removed(from.access(), to.access()),
                changed(from.gateways(), to.gateways()),
                removed(from.gateways(), to.gateways()));
    }

    /** The image at {@link #toVersion}, made from the one at {@link #fromVersion}. */
    public ClusterImage applyTo(ClusterImage image) {
        if (image.version() != fromVersion) {
            throw new IllegalArgumentException(
                    "delta from version "
                            + fromVersion
                            + " on image of version "
                            + image.version());
        }
        return new ClusterImage(
                toVersion,
                image.clusterId(),
                image.metaGroupId(),
                metaReplicas.orElse(image.metaReplicas()),
                patched(image.nodes(), nodes, StorageNode::name, removedNodes),
                patched(
                        image.placementGroups(),
                        placementGroups,
                        PlacementGroup::id,
                        removedPlacementGroups),
                patched(image.volumes(), volumes, Volume::id, removedVolumes),
                patched(image.access(), access, VolumeAccess::volume, removedAccess),
                patched(image.gateways(), gateways, Gateway::name, removedGateways));
    }

    private static <K, V> List<V> changed(Map<K, V> from, Map<K, V> to) {
        if (from == to) {
            return List.of();
        }
        List<V> values = new ArrayList<>();
        to.forEach(
                (key, value) -> {
                    if (!value.equals(from.get(key))) {
                        values.add(value);
                    }
                });
        return values;
    }

    private static <K, V> List<K> removed(Map<K, V> from, Map<K, V> to) {
        if (from == to) {
            return List.of();
        }
        List<K> keys = new ArrayList<>(from.keySet());
        keys.removeAll(to.keySet());
        return keys;
    }

    private static <K, V> Map<K, V> patched(
            Map<K, V> base, List<V> set, Function<V, K> keyOf, List<K> removed) {
        if (set.isEmpty() && removed.isEmpty()) {
            return base;
        }
        Map<K, V> result = new HashMap<>(base);
        removed.forEach(result::remove);
        set.forEach(value -> result.put(keyOf.apply(value), value));
        return result;
    }
}
