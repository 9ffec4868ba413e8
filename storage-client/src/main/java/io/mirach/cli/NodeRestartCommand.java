package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.LossView;
import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.Routes;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mirach node restart}. */
@Command(
        name = "restart",
        description = {
            "Restart nodes one after the other, each only when it can be missed.",
            "For each: wait until every group is served without it, announce a maintenance, wait"
                    + " until it leads nothing, run the command that restarts it, wait until it is"
                    + " back and every group is whole. Clients notice a short pause per group.",
            "The command is run here, by sh, with {node} and {host} filled in; without --command,"
                    + " the node's label 'restart-command' is."
        },
        footer = {
            "",
            "Examples:",
            "  mirach node restart --rolling --command 'ssh {host} systemctl restart mirach-node'",
            "  mirach node restart node-2 --command 'ssh {host} systemctl restart mirach-node'"
        })
final class NodeRestartCommand extends ChangeCommand {
    @Parameters(paramLabel = "NODE", arity = "0..*")
    List<String> nodes = new ArrayList<>();

    @Option(names = "--rolling", description = "All nodes of the cluster.")
    boolean rolling;

    @Option(names = "--command", paramLabel = "COMMAND", description = "What restarts a node.")
    Optional<String> command = Optional.empty();

    @Option(
            names = "--wait",
            paramLabel = "TIME",
            defaultValue = "10m",
            description =
                    "For each of the steps that wait, at most so long. Default: ${DEFAULT-VALUE}.")
    String wait;

    private Duration limit() {
        return TimeSpan.parse("--wait", wait);
    }

    @Override
    List<AdminCall> requests() {
        limit();
        if (rolling != nodes.isEmpty()) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "name nodes, or give --rolling for all")
                    .withRemedy("mirach node restart --rolling --command COMMAND");
        }
        if (api.curl) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "a restart is more than calls of the API")
                    .withRemedy("leave --curl out");
        }
        return List.of(AdminCall.get(Routes.NODES));
    }

    private List<NodeSummary> chosen(AdminClient client) {
        List<NodeSummary> all = client.nodes();
        if (rolling) {
            return all.stream().sorted(Comparator.comparing(NodeSummary::name)).toList();
        }
        return nodes.stream().map(name -> NodeCommands.find(client, name)).toList();
    }

    private String commandFor(NodeSummary node) {
        String template =
                command.or(
                                () ->
                                        Optional.ofNullable(
                                                node.labels()
                                                        .get(NodeSummary.RESTART_COMMAND_LABEL)))
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                        ErrorCode.INVALID_ARGUMENT,
                                                        "nothing says how node '"
                                                                + node.name()
                                                                + "' is restarted")
                                                .withRemedy(
                                                        "give --command, or the node a label '"
                                                                + NodeSummary.RESTART_COMMAND_LABEL
                                                                + "'"));
        return template.replace("{node}", node.name())
                .replace("{host}", HttpEndpoint.parse(node.httpAddress()).host());
    }

    @Override
    String check(AdminClient client) {
        StringBuilder text = new StringBuilder("restart, one after the other:");
        for (NodeSummary node : chosen(client)) {
            text.append("\n  ").append(node.name()).append(": ").append(commandFor(node));
        }
        return text.append('\n').toString();
    }

    @Override
    void change(AdminClient client, PrintWriter out) throws InterruptedException {
        List<NodeSummary> order = chosen(client);
        order.forEach(this::commandFor);
        for (NodeSummary node : order) {
            restart(client, node, out);
        }
    }

    private void restart(AdminClient client, NodeSummary node, PrintWriter out)
            throws InterruptedException {
        String name = node.name();
        Progress progress = progress();
        LossView loss =
                progress.watch(
                        () -> client.loss(name),
                        LossView::safe,
                        l -> name + " cannot be missed yet: " + CanLoseCommand.verdict(l),
                        limit());
        if (!loss.safe()) {
            throw CanLoseCommand.unsafe(loss);
        }
        AdminClient itself = new AdminClient(List.of(HttpEndpoint.parse(node.httpAddress())));
        long startedAtMs = itself.node().startedAtMs();
        client.setDuty(name, maintenance(limit().multipliedBy(3).toMillis()));
        progress.watch(
                () -> client.loss(name),
                l -> l.leads() == 0,
                l -> name + " hands " + l.leads() + " leaderships over",
                limit());
        progress.tell(name + ": " + commandFor(node));
        run(commandFor(node), name);
        progress.watch(
                () -> itself.node().startedAtMs(),
                at -> at != startedAtMs,
                at -> name + " is not restarted yet",
                limit());
        List<PgView> whole =
                progress.watch(
                        client::placementGroups,
                        NodeRestartCommand::isWhole,
                        groups -> name + " is back, and catches up",
                        limit());
        if (!isWhole(whole)) {
            throw timedOut("not every group was whole after " + name + " came back", limit());
        }
        client.setDuty(name, maintenance(0));
        out.println(name + " is restarted");
        out.flush();
    }

    private static boolean isWhole(List<PgView> groups) {
        return groups.stream().allMatch(pg -> pg.state() == PgView.Condition.HEALTHY);
    }

    private static NodeDutyRequest maintenance(long ms) {
        return new NodeDutyRequest(Optional.empty(), OptionalLong.of(ms));
    }

    private static void run(String command, String node) throws InterruptedException {
        int exitCode;
        try {
            exitCode =
                    new ProcessBuilder("sh", "-c", command)
                            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start()
                            .waitFor();
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "cannot run sh: " + e.getMessage(), e);
        }
        if (exitCode != 0) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "the command that restarts "
                                    + node
                                    + " ended with exit code "
                                    + exitCode)
                    .withRemedy("mirach node maintain " + node + " --end, once it is well");
        }
    }
}
