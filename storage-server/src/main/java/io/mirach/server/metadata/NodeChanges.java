package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.NodeDuty;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.UUID;

/** Changes of nodes. Pure. */
final class NodeChanges {
    private NodeChanges() {}

    static MetaTransition update(MetaState state, ClusterImage image, StorageNode node) {
        StorageNode known = image.nodes().get(node.name());
        if (known == null) {
            return unknown(state, node.name());
        }
        if (!known.dataDirs().equals(node.dataDirs())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.CONFLICT,
                    "node "
                            + node.name()
                            + " has other data dirs or Raft addresses than the cluster knows");
        }
        StorageNode updated = node.with(known.duty());
        return known.equals(updated)
                ? MetaTransition.unchanged(state)
                : MetaTransition.to(state, ImageEdit.put(image, updated));
    }

    /**
     * Data dirs that are replaced, and are not kept, belong to no node from now on: nothing is
     * ordered of them any more, and the replicas that the map has there are to be moved.
     */
    static MetaTransition add(MetaState state, ClusterImage image, MetaCommand.AddNode add) {
        String name = add.node().name();
        StorageNode known = image.nodes().get(name);
        StorageNode joining = add.node().with(new NodeDuty(NodeDuty.State.JOINING, 0));
        if (known != null && known.equals(joining)) {
            return MetaTransition.unchanged(state);
        }
        List<DataDir> present = known == null ? List.of() : known.dataDirs();
        if (!present.equals(add.replaces())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.CONFLICT,
                    known == null
                            ? "no node is named '" + name + "'"
                            : "there is a node '" + name + "' already");
        }
        for (DataDir dir : add.node().dataDirs()) {
            if (!present.contains(dir) && wasUsed(image, dir.id())) {
                return MetaTransition.refuse(
                        state, ErrorCode.CONFLICT, "data dir " + dir.id() + " was used before");
            }
        }
        return MetaTransition.to(state, ImageEdit.put(image, joining));
    }

    private static boolean wasUsed(ClusterImage image, UUID dataDir) {
        return image.nodeOfDataDir(dataDir).isPresent()
                || image.replicaSets()
                        .flatMap(set -> set.holders().stream())
                        .anyMatch(replica -> replica.dataDir().equals(dataDir));
    }

    static MetaTransition joined(MetaState state, ClusterImage image, MetaCommand.NodeJoined c) {
        StorageNode known = image.nodes().get(c.name());
        if (known == null) {
            return unknown(state, c.name());
        }
        boolean joins =
                known.duty().state() == NodeDuty.State.JOINING
                        && known.dataDirs().equals(c.dataDirs());
        return joins
                ? MetaTransition.to(
                        state,
                        ImageEdit.put(
                                image, known.with(known.duty().with(NodeDuty.State.IN_SERVICE))))
                : MetaTransition.unchanged(state);
    }

    static MetaTransition setDuty(MetaState state, ClusterImage image, MetaCommand.SetDuty c) {
        StorageNode known = image.nodes().get(c.name());
        if (known == null) {
            return unknown(state, c.name());
        }
        if (known.duty().equals(c.duty())) {
            return MetaTransition.unchanged(state);
        }
        if (!known.duty().equals(c.expected())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.CONFLICT,
                    "the duty of node '" + c.name() + "' was changed meanwhile");
        }
        return MetaTransition.to(state, ImageEdit.put(image, known.with(c.duty())));
    }

    static MetaTransition remove(MetaState state, ClusterImage image, String name) {
        if (!image.nodes().containsKey(name)) {
            return unknown(state, name);
        }
        int replicas = image.replicasOn(name);
        if (replicas > 0) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.CONFLICT,
                    "node '" + name + "' holds " + replicas + " replicas",
                    "mirach node drain " + name);
        }
        return MetaTransition.to(state, ImageEdit.removeNode(image, name));
    }

    private static MetaTransition unknown(MetaState state, String name) {
        return MetaTransition.refuse(
                state, ErrorCode.NO_SUCH_NODE, "no node is named '" + name + "'", "mirach node ls");
    }
}
