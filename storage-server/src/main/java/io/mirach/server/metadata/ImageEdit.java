package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Export;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
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
                image.attachments(),
                image.exports(),
                image.gateways());
    }

    static ClusterImage put(ClusterImage image, PlacementGroup group) {
        Map<PlacementGroupId, PlacementGroup> groups =
                with(image.placementGroups(), group.id(), group);
        return of(
                image,
                image.nodes(),
                groups,
                image.volumes(),
                image.attachments(),
                image.exports(),
                image.gateways());
    }

    static ClusterImage put(ClusterImage image, Volume volume) {
        return volumes(image, with(image.volumes(), volume.id(), volume));
    }

    static ClusterImage removeVolume(ClusterImage image, VolumeId volume) {
        return volumes(image, without(image.volumes(), volume));
    }

    static ClusterImage put(ClusterImage image, Attachment attachment) {
        return attachments(image, with(image.attachments(), attachment.volume(), attachment));
    }

    static ClusterImage removeAttachment(ClusterImage image, VolumeId volume) {
        return attachments(image, without(image.attachments(), volume));
    }

    static ClusterImage put(ClusterImage image, Export export) {
        return exports(image, with(image.exports(), export.volume(), export));
    }

    static ClusterImage removeExport(ClusterImage image, VolumeId volume) {
        return exports(image, without(image.exports(), volume));
    }

    static ClusterImage put(ClusterImage image, Gateway gateway) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                image.volumes(),
                image.attachments(),
                image.exports(),
                with(image.gateways(), gateway.name(), gateway));
    }

    private static ClusterImage volumes(ClusterImage image, Map<VolumeId, Volume> volumes) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                volumes,
                image.attachments(),
                image.exports(),
                image.gateways());
    }

    private static ClusterImage attachments(
            ClusterImage image, Map<VolumeId, Attachment> attachments) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                image.volumes(),
                attachments,
                image.exports(),
                image.gateways());
    }

    private static ClusterImage exports(ClusterImage image, Map<VolumeId, Export> exports) {
        return of(
                image,
                image.nodes(),
                image.placementGroups(),
                image.volumes(),
                image.attachments(),
                exports,
                image.gateways());
    }

    private static ClusterImage of(
            ClusterImage image,
            Map<String, StorageNode> nodes,
            Map<PlacementGroupId, PlacementGroup> groups,
            Map<VolumeId, Volume> volumes,
            Map<VolumeId, Attachment> attachments,
            Map<VolumeId, Export> exports,
            Map<String, Gateway> gateways) {
        return new ClusterImage(
                image.version() + 1,
                image.clusterId(),
                image.metaGroupId(),
                image.metaReplicas(),
                nodes,
                groups,
                volumes,
                attachments,
                exports,
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
