package io.mirach.model;

import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The cluster map at one version. Immutable; a change makes a new image with a higher version.
 *
 * @param version grows by one with every change
 * @param nodes by name
 * @param access who uses a volume; volumes that nobody uses are left out
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
        Map<VolumeId, VolumeAccess> access,
        Map<String, Gateway> gateways) {
    public ClusterImage {
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(metaGroupId, "metaGroupId");
        Objects.requireNonNull(metaReplicas, "metaReplicas");
        nodes = Map.copyOf(nodes);
        placementGroups = Map.copyOf(placementGroups);
        volumes = Map.copyOf(volumes);
        access = Map.copyOf(access);
        gateways = Map.copyOf(gateways);
    }

    /** The volume of that name that is not being deleted. */
    public Optional<Volume> volumeNamed(String name) {
        return volumes.values().stream()
                .filter(v -> v.name().equals(name) && v.state() != Volume.State.DELETING)
                .findFirst();
    }

    /** Who uses a volume. */
    public VolumeAccess accessTo(VolumeId volume) {
        VolumeAccess known = access.get(volume);
        return known == null ? VolumeAccess.none(volume) : known;
    }

    /** The attachments of all volumes, in no order. */
    public Stream<Attachment> attachments() {
        return access.values().stream().flatMap(a -> a.attachments().stream());
    }

    /** The node that holds a data dir. */
    public Optional<StorageNode> nodeOfDataDir(UUID dataDir) {
        return nodes.values().stream().filter(n -> n.dataDir(dataDir).isPresent()).findFirst();
    }

    /** Every group's members, the meta group's among them. */
    public Stream<ReplicaSet> replicaSets() {
        return Stream.concat(
                Stream.of(metaReplicas),
                placementGroups.values().stream().map(PlacementGroup::replicaSet));
    }

    /** How many replicas a node has, or is about to have; the meta group's count. */
    public int replicasOn(String node) {
        return (int)
                replicaSets()
                        .flatMap(set -> set.holders().stream())
                        .filter(replica -> replica.node().equals(node))
                        .count();
    }
}
