package io.mirach.admin;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * Who belongs to the cluster and where to find them.
 *
 * @param clusterId empty while uninitialised
 * @param metaLeader the node that leads the meta group, if known
 * @param mapVersion the cluster map's version at the node that answered; 0 while uninitialised
 * @param metaNodes the members of the meta group, by name
 */
public record ClusterView(
        Optional<UUID> clusterId,
        boolean initialised,
        Optional<String> metaLeader,
        long mapVersion,
        List<String> metaNodes,
        List<NodeSummary> nodes) {
    public ClusterView {
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(metaLeader, "metaLeader");
        metaNodes = List.copyOf(metaNodes);
        nodes = List.copyOf(nodes);
    }
}
