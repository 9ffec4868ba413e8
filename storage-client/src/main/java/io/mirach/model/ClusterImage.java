package io.mirach.model;

import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * The cluster map at one version. Immutable; a change makes a new image with a higher version.
 *
 * @param version grows by one with every change
 * @param nodes by name
 * @param attachments by volume: at most one each
 * @param exports by volume
 * @param gateways by name
 */
public record ClusterImage(
        long version,
        UUID clusterId,
        UUID metaGroupId,
        ReplicaSet metaReplicas,
        Map<String, StorageNode> nodes,
        Map<PlacementGroupId, PlacementGroup> placementGroups,
        Map<VolumeId, Volume> volumes,
        Map<VolumeId, Attachment> attachments,
        Map<VolumeId, Export> exports,
        Map<String, Gateway> gateways) {
    public ClusterImage {
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(metaGroupId, "metaGroupId");
        Objects.requireNonNull(metaReplicas, "metaReplicas");
        nodes = Map.copyOf(nodes);
        placementGroups = Map.copyOf(placementGroups);
        volumes = Map.copyOf(volumes);
        attachments = Map.copyOf(attachments);
        exports = Map.copyOf(exports);
        gateways = Map.copyOf(gateways);
    }

    /** The volume of that name that is not being deleted. */
    public Optional<Volume> volumeNamed(String name) {
        return volumes.values().stream()
                .filter(v -> v.name().equals(name) && v.state() != Volume.State.DELETING)
                .findFirst();
    }

    /** The node that holds a data dir. */
    public Optional<StorageNode> nodeOfDataDir(UUID dataDir) {
        return nodes.values().stream()
                .filter(n -> n.dataDirs().stream().anyMatch(d -> d.id().equals(dataDir)))
                .findFirst();
    }
}
