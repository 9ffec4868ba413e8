package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import java.util.HashMap;
import java.util.Map;

/** The next version of an image with one table changed; the other tables are shared. */
final class ImageEdit {
    private ImageEdit() {}

    static ClusterImage put(ClusterImage image, StorageNode node) {
        return of(
                image,
                with(image.nodes(), node.name(), node),
                image.placementGroups(),
                image.volumes(),
                image.access(),
                image.gateways());
    }

    static ClusterImage removeNode(ClusterImage image, String name) {
        return of(
                image,
                without(image.nodes(), name),
                image.placementGroups(),
                image.volumes(),
                image.access(),
                image.gateways());
    }

    static ClusterImage putMeta(ClusterImage image, ReplicaSet metaReplicas) {
        return new ClusterImage(
                image.version() + 1,
                image.clusterId(),
                image.metaGroupId(),
                metaReplicas,
                image.nodes(),
                image.placementGroups(),
                image.volumes(),
                image.access(),
                image.gateways());
    }

    static ClusterImage put(ClusterImage image, PlacementGroup group) {
        Map<PlacementGroupId, PlacementGroup> groups =
                with(image.placementGroups(), group.id(), group);
        return of(image, image.nodes(), groups, image.volumes(), image.access(), image.gateways());
    }

    static ClusterImage put(ClusterImage image, Volume volume) {
        return volumes(image, with(image.volumes(), volume.id(), volume));
    }

    static ClusterImage removeVolume(ClusterImage image, VolumeId volume) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                without(image.volumes(), volume),
                without(image.access(), volume),
                image.gateways());
    }

    /** Keeps nothing of a volume that nobody uses. */
    static ClusterImage put(ClusterImage image, VolumeAccess access) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                image.volumes(),
                access.unused()
                        ? without(image.access(), access.volume())
                        : with(image.access(), access.volume(), access),
                image.gateways());
    }

    static ClusterImage put(ClusterImage image, Gateway gateway) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                image.volumes(),
                image.access(),
                with(image.gateways(), gateway.name(), gateway));
    }

    private static ClusterImage volumes(ClusterImage image, Map<VolumeId, Volume> volumes) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                volumes,
                image.access(),
                image.gateways());
    }

    private static ClusterImage of(
            ClusterImage image,
            Map<String, StorageNode> nodes,
            Map<PlacementGroupId, PlacementGroup> groups,
            Map<VolumeId, Volume> volumes,
            Map<VolumeId, VolumeAccess> access,
            Map<String, Gateway> gateways) {
        return new ClusterImage(
                image.version() + 1,
                image.clusterId(),
                image.metaGroupId(),
                image.metaReplicas(),
                nodes,
                groups,
                volumes,
                access,
                gateways);
    }

    private static <K, V> Map<K, V> with(Map<K, V> map, K key, V value) {
        Map<K, V> changed = new HashMap<>(map);
        changed.put(key, value);
        return Map.copyOf(changed);
    }

    private static <K, V> Map<K, V> without(Map<K, V> map, K key) {
        Map<K, V> changed = new HashMap<>(map);
        changed.remove(key);
        return Map.copyOf(changed);
    }
}
