package io.mirach.server.node;

import io.mirach.admin.NodeInitRequest;
import io.mirach.server.metadata.MetaCommand;
import java.util.List;
import java.util.Objects;

/**
 * A cluster in the making, kept by the node that forms it until the map is logged: a repeated
 * {@code cluster init} goes on with the same ids.
 *
 * @param format of this file
 * @param nodes in the order in which they are initialised
 * @param form logged last
 */
record InitPlan(int format, List<PlannedNode> nodes, MetaCommand.FormCluster form) {
    static final int FORMAT = 1;

    /**
     * @param done it has said that it is initialised: it must not be new once more
     */
    record PlannedNode(String httpAddress, String name, NodeInitRequest request, boolean done) {
        PlannedNode {
            Objects.requireNonNull(httpAddress, "httpAddress");
            Objects.requireNonNull(name, "name");
            Objects.requireNonNull(request, "request");
        }

        PlannedNode asDone() {
            return new PlannedNode(httpAddress, name, request, true);
        }
    }

    InitPlan {
        nodes = List.copyOf(nodes);
        Objects.requireNonNull(form, "form");
    }

    InitPlan withDone(PlannedNode node) {
        return new InitPlan(
                format, nodes.stream().map(n -> n.equals(node) ? n.asDone() : n).toList(), form);
    }
}
