package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.LossView;
import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.Routes;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach node maintain}. */
@Command(
        name = "maintain",
        description = {
            "Announce that a node will be away for a while.",
            "Until then it is not replaced, takes no replicas, and hands its leaderships over, so"
                    + " that its stop is hardly felt. Waits until it leads nothing, and refuses if"
                    + " something would not be served without it."
        },
        footer = {
            "",
            "Examples:",
            "  mirach node maintain node-2 --for 30m",
            "  mirach node maintain node-2 --end"
        })
final class NodeMaintainCommand extends ChangeCommand {
    private static final Duration HAND_OVER_LIMIT = Duration.ofSeconds(60);

    @Parameters(paramLabel = "NODE")
    String node;

    @Option(
            names = "--for",
            paramLabel = "TIME",
            defaultValue = "1h",
            description = "For how long, such as 30m or 2h. Default: ${DEFAULT-VALUE}.")
    String time;

    @Option(names = "--end", description = "It is back for good.")
    boolean end;

    @Option(names = "--force", description = "Even if something is not served without it.")
    boolean force;

    private NodeDutyRequest body() {
        long ms = end ? 0 : TimeSpan.parse("--for", time).toMillis();
        return new NodeDutyRequest(Optional.empty(), OptionalLong.of(ms));
    }

    @Override
    List<AdminCall> requests() {
        return List.of(AdminCall.post(Routes.ofNode(Routes.NODE_DUTY, node), body()));
    }

    @Override
    String check(AdminClient client) {
        if (end) {
            NodeCommands.find(client, node);
            return "end the maintenance of node " + node;
        }
        return "announce that node "
                + node
                + " will be away; "
                + CanLoseCommand.verdict(loss(client));
    }

    private LossView loss(AdminClient client) {
        LossView loss = client.loss(node);
        if (!loss.safe() && !force) {
            throw CanLoseCommand.unsafe(loss);
        }
        return loss;
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        if (!end) {
            loss(client);
        }
        NodeSummary changed = client.setDuty(node, body());
        if (end) {
            out.println("the maintenance of node " + node + " has ended");
            return;
        }
        LossView left =
                progress()
                        .watch(
                                () -> client.loss(node),
                                loss -> loss.leads() == 0,
                                loss -> "node " + node + " still leads " + loss.leads() + " groups",
                                HAND_OVER_LIMIT);
        out.println(
                "node "
                        + node
                        + " may be away for "
                        + Wording.age(changed.maintenanceLeftMs())
                        + (left.leads() == 0
                                ? ""
                                : "; it still leads " + left.leads() + " groups"));
    }
}
