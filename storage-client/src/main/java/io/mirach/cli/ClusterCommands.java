package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.ClusterView;
import io.mirach.admin.InitRequest;
import io.mirach.admin.NodeView;
import io.mirach.admin.Routes;
import io.mirach.admin.StatusView;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code mirach cluster}. */
@Command(
        name = "cluster",
        description = "The cluster as a whole.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {ClusterCommands.Init.class, ClusterCommands.Show.class})
final class ClusterCommands {
    @Command(
            name = "init",
            description = {
                "Form a cluster of nodes that belong to none.",
                "--endpoint names every node's HTTP address: 3 or more."
            },
            footer = {
                "",
                "Example:",
                "  mirach cluster init --endpoint node1:7480,node2:7480,node3:7480"
            })
    static final class Init extends ChangeCommand {
        private static final int MIN_NODES = 3;
        private static final Duration SERVE_LIMIT = Duration.ofSeconds(90);

        @Option(
                names = "--placement-groups",
                paramLabel = "N",
                defaultValue = "0",
                description = "How many to create. Default: the cluster chooses.")
        int placementGroups;

        private InitRequest body() {
            List<HttpEndpoint> endpoints = api.endpoints();
            if (endpoints.stream().distinct().count() < MIN_NODES) {
                throw new MirachException(
                                ErrorCode.NOT_ENOUGH_NODES,
                                "a cluster needs "
                                        + MIN_NODES
                                        + " nodes, and --endpoint names "
                                        + endpoints.stream().distinct().count())
                        .withRemedy("mirach cluster init --endpoint HOST:PORT,HOST:PORT,HOST:PORT");
            }
            if (placementGroups < 0) {
                throw new MirachException(
                        ErrorCode.INVALID_ARGUMENT, "--placement-groups must not be negative");
            }
            return new InitRequest(
                    endpoints.stream().distinct().map(HttpEndpoint::toString).toList(),
                    placementGroups);
        }

        @Override
        List<AdminCall> requests() {
            return List.of(AdminCall.post(Routes.CLUSTER_INIT, body()));
        }

        @Override
        String check(AdminClient client) {
            body();
            List<String> names = new ArrayList<>();
            for (HttpEndpoint endpoint : api.endpoints()) {
                NodeView node = new AdminClient(List.of(endpoint)).node();
                if (node.clusterId().isPresent()) {
                    throw new MirachException(
                            ErrorCode.ALREADY_INITIALISED,
                            "node "
                                    + node.name()
                                    + " at "
                                    + endpoint
                                    + " belongs to cluster "
                                    + node.clusterId().map(UUID::toString).orElse("(unknown)"));
                }
                if (names.contains(node.name())) {
                    throw new MirachException(
                                    ErrorCode.CONFLICT, "two nodes are named " + node.name())
                            .withRemedy("give each node its own 'name' in its configuration");
                }
                names.add(node.name());
            }
            return "form a cluster of " + String.join(", ", names);
        }

        @Override
        void change(AdminClient client, PrintWriter out) throws InterruptedException {
            Progress progress = progress();
            progress.tell("forming a cluster of " + String.join(", ", body().nodes()));
            ClusterView cluster = client.initCluster(body());
            StatusView status =
                    progress.watch(
                            client::status,
                            Init::serves,
                            s ->
                                    "waiting for placement groups: "
                                            + (s.pgs().total() - s.pgs().unserved())
                                            + " of "
                                            + s.pgs().total()
                                            + " served",
                            SERVE_LIMIT);
            if (!serves(status)) {
                throw timedOut("the placement groups were not all served", SERVE_LIMIT);
            }
            out.println(
                    "cluster "
                            + cluster.clusterId().map(UUID::toString).orElse("")
                            + " serves: "
                            + status.nodes().size()
                            + " nodes, "
                            + status.pgs().total()
                            + " placement groups");
        }

        private static boolean serves(StatusView status) {
            return status.pgs().total() > 0 && status.pgs().unserved() == 0;
        }
    }

    @Command(
            name = "show",
            description = "Show the cluster's identity and members.",
            footer = {"", "Example:", "  mirach cluster show"})
    static final class Show extends ReadCommand<ClusterView> {
        @Override
        AdminCall request() {
            return AdminCall.get(Routes.CLUSTER);
        }

        @Override
        ClusterView fetch(AdminClient client) {
            return client.cluster();
        }

        @Override
        void print(ClusterView cluster, PrintWriter out) {
            if (!cluster.initialised()) {
                out.println("uninitialised; form a cluster with 'mirach cluster init'");
                return;
            }
            out.println("cluster      " + cluster.clusterId().map(UUID::toString).orElse("-"));
            out.println("map version  " + cluster.mapVersion());
            out.println(
                    "meta group   "
                            + cluster.metaNodes().stream()
                                    .map(n -> isLeader(cluster, n) ? n + " (leader)" : n)
                                    .collect(Collectors.joining(", ")));
            out.println();
            NodeCommands.printNodes(cluster.nodes(), out);
        }

        private static boolean isLeader(ClusterView cluster, String node) {
            return cluster.metaLeader().filter(node::equals).isPresent();
        }
    }
}
