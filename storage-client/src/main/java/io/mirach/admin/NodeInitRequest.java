package io.mirach.admin;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * Makes an uninitialised node a member of a cluster. Sent by the node that runs {@code cluster
 * init} to each node, itself included; sent again with the same content it changes nothing. Refused
 * with ALREADY_INITIALISED by a node that belongs to another cluster.
 *
 * @param dataDirIds one per data dir of the node, in the order of {@link NodeView#dataDirs}
 * @param metaMembers who forms the meta group; empty strings are not allowed
 */
public record NodeInitRequest(
        UUID clusterId, UUID metaGroupId, List<UUID> dataDirIds, List<MetaMember> metaMembers) {
    public NodeInitRequest {
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(metaGroupId, "metaGroupId");
        dataDirIds = List.copyOf(dataDirIds);
        metaMembers = List.copyOf(metaMembers);
    }

    /** A member of the meta group. */
    public record MetaMember(String node, UUID dataDir, String raftAddress, String nativeAddress) {
        public MetaMember {
            Objects.requireNonNull(node, "node");
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftAddress, "raftAddress");
            Objects.requireNonNull(nativeAddress, "nativeAddress");
        }
    }
}
