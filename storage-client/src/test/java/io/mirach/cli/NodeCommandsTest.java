package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.AdviceView;
import io.mirach.admin.LossView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.NodeView;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.model.NodeDuty;
import io.mirach.model.ReplicaMove;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class NodeCommandsTest extends CliOnFakeServer {
    private static final LossView SAFE =
            new LossView("node-4", true, 0, List.of(new LossView.Group(1, 2, 2)));
    private static final LossView UNSAFE =
            new LossView(
                    "node-4",
                    false,
                    1,
                    List.of(new LossView.Group(0, 2, 2), new LossView.Group(1, 1, 2)));

    private NodeSummary node(NodeDuty.State duty, long maintenanceMs, int replicas) {
        return new NodeSummary(
                "node-4",
                "127.0.0.1:2",
                server.endpoint().toString(),
                "",
                "",
                Map.of(),
                NodeSummary.State.UP,
                100,
                1,
                duty,
                maintenanceMs,
                replicas);
    }

    private NodeView itself(long startedAtMs) {
        return new NodeView(
                "node-4",
                "1",
                true,
                Optional.empty(),
                "127.0.0.1:2",
                server.endpoint().toString(),
                "",
                "",
                Map.of(),
                List.of(),
                startedAtMs);
    }

    private static PgView pg(PgView.Condition condition, Optional<PgView.Move> move) {
        return new PgView(
                1,
                new UUID(1, 1),
                condition,
                Optional.of("node-1"),
                1,
                1,
                List.of(),
                move,
                PgView.Scrub.NONE);
    }

    private String body(int call) {
        return server.received().get(call).body().orElseThrow().toString();
    }

    @Test
    void drainWaitsUntilTheNodeIsEmpty() {
        PgView moving =
                pg(
                        PgView.Condition.HEALTHY,
                        Optional.of(new PgView.Move("node-4", "node-2", ReplicaMove.Reason.DRAIN)));
        server.on("POST /v1/nodes/node-4/duty", node(NodeDuty.State.DRAINING, 0, 1))
                .on("GET /v1/nodes", List.of(node(NodeDuty.State.DRAINING, 0, 1)))
                .on("GET /v1/nodes", List.of(node(NodeDuty.State.DRAINING, 0, 0)))
                .on("GET /v1/pgs", List.of(moving));
        assertThat(run("node", "drain", "node-4"))
                .isEqualTo(
                        new CliRun(
                                0,
                                "node node-4 is empty; remove it with 'mirach node remove"
                                        + " node-4'\n",
                                "1 replicas left: pg1 to node-2\n"));
        assertThat(body(0)).isEqualTo("{\"state\":\"DRAINING\",\"maintenanceMs\":null}");
    }

    @Test
    void drainIsTakenBack() {
        server.on("POST /v1/nodes/node-4/duty", node(NodeDuty.State.IN_SERVICE, 0, 1));
        assertThat(run("node", "drain", "node-4", "--cancel").out())
                .isEqualTo("node node-4 is in service\n");
        assertThat(body(0)).isEqualTo("{\"state\":\"IN_SERVICE\",\"maintenanceMs\":null}");
    }

    @Test
    void removalOfANodeThatHoldsSomethingIsSeenBeforehand() {
        server.on("GET /v1/nodes", List.of(node(NodeDuty.State.IN_SERVICE, 0, 3)));
        CliRun run = run("node", "remove", "node-4", "--dry-run");
        assertThat(run.exitCode()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(run.err())
                .contains("CONFLICT: node 'node-4' holds 3 replicas")
                .contains("remedy: mirach node drain node-4");
    }

    @Test
    void maintenanceIsRefusedWhileTheNodeCannotBeMissed() {
        server.on("GET /v1/nodes/node-4/loss", UNSAFE);
        CliRun run = run("node", "maintain", "node-4", "--for", "30m");
        assertThat(run.exitCode()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(run.err())
                .contains("pg1 would have 1 current members up, and needs 2")
                .contains("remedy: mirach advise");
        assertThat(server.received()).hasSize(1);
    }

    @Test
    void maintenanceWaitsUntilTheNodeLeadsNothing() {
        server.on("GET /v1/nodes/node-4/loss", new LossView("node-4", true, 2, List.of()))
                .on("GET /v1/nodes/node-4/loss", new LossView("node-4", true, 1, List.of()))
                .on("GET /v1/nodes/node-4/loss", SAFE)
                .on("POST /v1/nodes/node-4/duty", node(NodeDuty.State.IN_SERVICE, 1_800_000, 1));
        assertThat(run("node", "maintain", "node-4", "--for", "30m"))
                .isEqualTo(
                        new CliRun(
                                0,
                                "node node-4 may be away for 30 min\n",
                                "node node-4 still leads 1 groups\n"));
        assertThat(body(1)).isEqualTo("{\"state\":null,\"maintenanceMs\":1800000}");
    }

    @Test
    void timesThatAreNoneAreRefusedBeforeTheClusterIsAsked() {
        for (String time : new String[] {"0m", "soon", "5", "-1s", "1.5h"}) {
            CliRun run = run("node", "maintain", "node-4", "--for=" + time);
            assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE.number());
            assertThat(run.err()).contains("--for: not a time: '" + time + "'");
        }
        assertThat(server.received()).isEmpty();
    }

    @Test
    void canLoseAnswersByItsExitCode() {
        server.on("GET /v1/nodes/node-4/loss", SAFE).on("GET /v1/nodes/node-4/loss", UNSAFE);
        assertThat(run("can-lose", "node-4"))
                .isEqualTo(new CliRun(0, "yes: all of its 1 groups are served without it\n", ""));
        CliRun no = run("can-lose", "node-4");
        assertThat(no.exitCode()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(no.out()).isEqualTo("no: pg1 would have 1 current members up, and needs 2\n");
    }

    @Test
    void adviceSaysWhatToType() {
        server.on(
                "GET /v1/advice",
                new AdviceView(
                        List.of(
                                new AdviceView.Item(
                                        StatusView.Health.WARN,
                                        "node node-4 is empty, as ordered",
                                        "mirach node remove node-4",
                                        "")),
                        List.of("node-4")));
        assertThat(run("advise").out())
                .isEqualTo(
                        """
                        WARN  node node-4 is empty, as ordered
                              type: mirach node remove node-4
                        any one of these may be lost now: node-4
                        """);
    }

    @Test
    void nodeIsRestartedWhenItCanBeMissedAndIsWaitedFor() {
        server.on("GET /v1/nodes", List.of(node(NodeDuty.State.IN_SERVICE, 0, 1)))
                .on("GET /v1/nodes/node-4/loss", UNSAFE)
                .on("GET /v1/nodes/node-4/loss", SAFE)
                .on("GET /v1/node", itself(1))
                .on("GET /v1/node", itself(1))
                .on("GET /v1/node", itself(2))
                .on("POST /v1/nodes/node-4/duty", node(NodeDuty.State.IN_SERVICE, 1, 1))
                .on("GET /v1/pgs", List.of(pg(PgView.Condition.DEGRADED, Optional.empty())))
                .on("GET /v1/pgs", List.of(pg(PgView.Condition.HEALTHY, Optional.empty())));
        assertThat(run("node", "restart", "--rolling", "--command", "test {node} = node-4"))
                .isEqualTo(
                        new CliRun(
                                0,
                                "node-4 is restarted\n",
                                """
                                node-4 cannot be missed yet: pg1 would have 1 current members up, \
                                and needs 2
                                node-4: test node-4 = node-4
                                node-4 is not restarted yet
                                node-4 is back, and catches up
                                """));
    }

    @Test
    void restartEndsWhereItsCommandFails() {
        server.on("GET /v1/nodes", List.of(node(NodeDuty.State.IN_SERVICE, 0, 1)))
                .on("GET /v1/nodes/node-4/loss", SAFE)
                .on("GET /v1/node", itself(1))
                .on("POST /v1/nodes/node-4/duty", node(NodeDuty.State.IN_SERVICE, 1, 1));
        CliRun run = run("node", "restart", "node-4", "--command", "exit 7");
        assertThat(run.exitCode()).isEqualTo(ExitCode.REFUSED.number());
        assertThat(run.err()).contains("ended with exit code 7");
    }

    @Test
    void restartNeedsACommandAndNodes() {
        server.on("GET /v1/nodes", List.of(node(NodeDuty.State.IN_SERVICE, 0, 1)));
        assertThat(run("node", "restart", "node-4").err())
                .contains("nothing says how node 'node-4' is restarted");
        assertThat(run("node", "restart", "--command", "true").err())
                .contains("name nodes, or give --rolling for all");
    }
}
