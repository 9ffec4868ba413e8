package io.mirach.server.node;

import io.mirach.admin.NodeInitRequest.MetaMember;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * Who a data dir is, as {@code mirach-dir.json} in it says.
 *
 * @param format of this file
 * @param dirId known to the cluster; also the Raft peer id
 * @param node the node that it belongs to
 * @param metaMembers the meta group's first members: where to ask for the cluster map when nothing
 *     newer is known
 */
record DirIdentity(
        int format,
        UUID clusterId,
        UUID dirId,
        String node,
        UUID metaGroupId,
        List<MetaMember> metaMembers) {
    static final int FORMAT = 1;

    DirIdentity {
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(dirId, "dirId");
        Objects.requireNonNull(node, "node");
        Objects.requireNonNull(metaGroupId, "metaGroupId");
        metaMembers = List.copyOf(metaMembers);
    }

    /** Whether both are the same dir of the same cluster, whoever formed the meta group then. */
    boolean isSameAs(DirIdentity other) {
        return clusterId.equals(other.clusterId)
                && dirId.equals(other.dirId)
                && node.equals(other.node)
                && metaGroupId.equals(other.metaGroupId);
    }
}
