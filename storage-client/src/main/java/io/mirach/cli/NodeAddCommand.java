package io.mirach.cli;

import io.mirach.admin.AddNodeRequest;
import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.NodeView;
import io.mirach.admin.Routes;
import io.mirach.model.NodeDuty;
import io.mirach.protocol.HttpEndpoint;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach node add}. */
@Command(
        name = "add",
        description = {
            "Make a node that belongs to no cluster a member of this one.",
            "Start it first, with empty data dirs. Once it is in, replicas move to it by themselves"
                    + " until the load is even."
        },
        footer = {
            "",
            "Examples:",
            "  mirach node add 10.0.0.4:7480",
            "  mirach node add 10.0.0.2:7480 --replace    # disks of it were lost"
        })
final class NodeAddCommand extends ChangeCommand {
    private static final Duration JOIN_LIMIT = Duration.ofSeconds(60);

    @Parameters(paramLabel = "HOST:PORT", description = "Its http-address.")
    String address;

    @Option(
            names = "--replace",
            description = {
                "A node of its name has lost its data dirs, or some of them, and comes back with empty"
                        + " ones in their place: all that those held is made anew."
            })
    boolean replace;

    private AddNodeRequest body() {
        return new AddNodeRequest(HttpEndpoint.parse(address).toString(), replace);
    }

    @Override
    List<AdminCall> requests() {
        return List.of(AdminCall.post(Routes.NODES, body()));
    }

    @Override
    String check(AdminClient client) {
        NodeView node = new AdminClient(List.of(HttpEndpoint.parse(address))).node();
        client.nodes();
        return "add node " + node.name() + " with " + node.dataDirs().size() + " data dirs";
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        NodeSummary added = client.addNode(body());
        Progress progress = progress();
        NodeSummary joined =
                progress.watch(
                        () -> NodeCommands.find(client, added.name()),
                        node -> node.duty() != NodeDuty.State.JOINING,
                        node -> "waiting for node " + node.name() + " to be heard",
                        JOIN_LIMIT);
        if (joined.duty() == NodeDuty.State.JOINING) {
            throw timedOut("node " + added.name() + " was not heard", JOIN_LIMIT);
        }
        out.println("node " + joined.name() + " is in service");
    }
}
