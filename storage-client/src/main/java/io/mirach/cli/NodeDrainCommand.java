package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.Routes;
import io.mirach.model.NodeDuty;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach node drain}. */
@Command(
        name = "drain",
        description = {
            "Move everything off a node, so that it can be removed.",
            "Each of its replicas is copied to another node first, and takes its vote over there,"
                    + " so redundancy is never less. It works for a node that is down as well.",
            "Waits until the node is empty; interrupted, the order stands. 'node drain' again looks"
                    + " on, --cancel takes it back."
        },
        footer = {
            "",
            "Examples:",
            "  mirach node drain node-4 && mirach node remove node-4",
            "  mirach node drain node-4 --no-wait",
            "  mirach node drain node-4 --cancel"
        })
final class NodeDrainCommand extends ChangeCommand {
    @Parameters(paramLabel = "NODE")
    String node;

    @Option(names = "--no-wait", description = "Only give the order.")
    boolean noWait;

    @Option(names = "--cancel", description = "Keep the node in service; what moves stays.")
    boolean cancel;

    private NodeDutyRequest body() {
        return new NodeDutyRequest(
                Optional.of(cancel ? NodeDuty.State.IN_SERVICE : NodeDuty.State.DRAINING),
                OptionalLong.empty());
    }

    @Override
    List<AdminCall> requests() {
        return List.of(AdminCall.post(Routes.ofNode(Routes.NODE_DUTY, node), body()));
    }

    @Override
    String check(AdminClient client) {
        NodeSummary found = NodeCommands.find(client, node);
        return cancel
                ? "keep node " + node + " in service"
                : "move " + found.replicas() + " replicas off node " + node;
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        client.setDuty(node, body());
        if (cancel) {
            out.println("node " + node + " is in service");
            return;
        }
        if (noWait) {
            out.println("node " + node + " is being drained; look with 'mirach node ls'");
            return;
        }
        // As long as it takes: it depends on how much there is.
        NodeSummary last =
                progress()
                        .watch(
                                () -> NodeCommands.find(client, node),
                                n -> n.replicas() == 0 || n.duty() != NodeDuty.State.DRAINING,
                                n -> wording(client, n),
                                Duration.ofDays(365));
        out.println(
                last.replicas() == 0
                        ? "node "
                                + node
                                + " is empty; remove it with 'mirach node remove "
                                + node
                                + "'"
                        : "node " + node + " is not drained any more: the order was taken back");
    }

    private String wording(AdminClient client, NodeSummary now) {
        String moves =
                client.placementGroups().stream()
                        .filter(pg -> pg.move().filter(m -> m.from().equals(node)).isPresent())
                        .map(NodeDrainCommand::wording)
                        .collect(Collectors.joining("; "));
        return now.replicas()
                + " replicas left"
                + (moves.isEmpty()
                        ? ": nothing moves at the moment, see 'mirach advise'"
                        : ": " + moves);
    }

    private static String wording(PgView pg) {
        String to = pg.move().orElseThrow().to();
        String progress =
                pg.members().stream()
                        .filter(PgView.Member::incoming)
                        .flatMap(member -> member.backfill().stream())
                        .map(backfill -> ", " + Wording.of(backfill))
                        .findFirst()
                        .orElse("");
        return (pg.id() == 0 ? "the meta group" : "pg" + pg.id()) + " to " + to + progress;
    }
}
