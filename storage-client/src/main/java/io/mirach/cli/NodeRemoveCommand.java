package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.Routes;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code mirach node remove}. */
@Command(
        name = "remove",
        description = {
            "Take a node that holds nothing out of the cluster.",
            "Refused while it has replicas: drain it first. Stop it afterwards; its data dirs are"
                    + " of no use to any cluster."
        },
        footer = {"", "Example:", "  mirach node drain node-4 && mirach node remove node-4"})
final class NodeRemoveCommand extends ChangeCommand {
    @Parameters(paramLabel = "NODE")
    String node;

    @Override
    List<AdminCall> requests() {
        return List.of(AdminCall.delete(Routes.ofNode(Routes.NODE_OF_CLUSTER, node)));
    }

    @Override
    String check(AdminClient client) {
        NodeSummary found = NodeCommands.find(client, node);
        if (found.replicas() > 0) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "node '" + node + "' holds " + found.replicas() + " replicas")
                    .withRemedy("mirach node drain " + node);
        }
        return "remove node " + node;
    }

    @Override
    void change(AdminClient client, PrintWriter out) {
        client.removeNode(node);
        out.println("node " + node + " is removed; stop it");
    }
}
