package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.Routes;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code mirach node}. */
@Command(
        name = "node",
        description = "Storage nodes.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = NodeCommands.Ls.class)
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
                new Table("NAME", "STATE", ">SEEN", "ZONE", "RACK", ">DIRS", "HTTP", "NATIVE");
        for (NodeSummary node : nodes) {
            table.row(
                    node.name(),
                    node.state(),
                    Wording.age(node.lastSeenMs()),
                    node.zone(),
                    node.rack(),
                    node.dataDirs(),
                    node.httpAddress(),
                    node.nativeAddress());
        }
        table.print(out, "");
    }
}
