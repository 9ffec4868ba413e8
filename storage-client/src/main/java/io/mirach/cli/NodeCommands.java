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

/** {@code mirach node}. */
@Command(
        name = "node",
        description = "Storage nodes.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            NodeCommands.Ls.class,
            NodeAddCommand.class,
            NodeDrainCommand.class,
            NodeMaintainCommand.class,
            NodeRemoveCommand.class,
            NodeRestartCommand.class
        })
final class NodeCommands {
    @Command(
            name = "ls",
            description = "List the nodes.",
            footer = {"", "Example:", "  mirach node ls --watch"})
    static final class Ls extends ReadCommand<List<NodeSummary>> {
        @Override
        AdminCall request() {
            return AdminCall.get(Routes.NODES);
        }

        @Override
        List<NodeSummary> fetch(AdminClient client) {
            return client.nodes();
        }

        @Override
        void print(List<NodeSummary> nodes, PrintWriter out) {
            printNodes(nodes, out);
        }
    }

    static void printNodes(List<NodeSummary> nodes, PrintWriter out) {
        Table table =
                new Table(
                        "NAME",
                        "STATE",
                        "DUTY",
                        ">SEEN",
                        ">REPLICAS",
                        "ZONE",
                        "RACK",
                        ">DIRS",
                        "HTTP",
                        "NATIVE");
        for (NodeSummary node : nodes) {
            table.row(
                    node.name(),
                    node.state(),
                    duty(node),
                    Wording.age(node.lastSeenMs()),
                    node.replicas(),
                    node.zone(),
                    node.rack(),
                    node.dataDirs(),
                    node.httpAddress(),
                    node.nativeAddress());
        }
        table.print(out, "");
    }

    private static String duty(NodeSummary node) {
        String duty =
                switch (node.duty()) {
                    case IN_SERVICE -> "in service";
                    case JOINING -> "joining";
                    case DRAINING -> node.replicas() == 0 ? "drained" : "draining";
                };
        return node.maintenanceLeftMs() == 0
                ? duty
                : duty + ", maintenance " + Wording.age(node.maintenanceLeftMs());
    }

    static NodeSummary find(AdminClient client, String name) {
        return client.nodes().stream()
                .filter(node -> node.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NO_SUCH_NODE,
                                                "no node is named '" + name + "'")
                                        .withRemedy("mirach node ls"));
    }
}
