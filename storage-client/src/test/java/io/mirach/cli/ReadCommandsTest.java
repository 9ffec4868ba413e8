package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.AttachmentView;
import io.mirach.admin.ClusterView;
import io.mirach.admin.DfView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.admin.StatusView.Health;
import io.mirach.model.Attachment;
import io.mirach.model.NodeDuty;
import io.mirach.protocol.cluster.EndedExport;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ReadCommandsTest extends CliOnFakeServer {
    private static final UUID ID = UUID.fromString("6f5c0a3e-0000-4000-8000-000000000001");
    private static final NodeSummary NODE_1 = node("node-1", NodeSummary.State.UP, 300);
    private static final NodeSummary NODE_2 = node("node-2", NodeSummary.State.DOWN, 12_000);
    private static final AttachmentView DEMO =
            new AttachmentView(
                    "demo",
                    7,
                    Attachment.Mode.READ_WRITE,
                    "gw",
                    "host",
                    Attachment.State.LIVE,
                    1_795_000_000_000L,
                    65_000,
                    21_400,
                    "",
                    Optional.empty(),
                    List.of("nbd://127.0.0.1:10809/demo"));
    private static final GatewayView GATEWAY =
            new GatewayView(
                    "gw",
                    "host",
                    List.of("nbd://127.0.0.1:10809"),
                    GatewayView.State.UP,
                    900,
                    List.of("demo"),
                    List.of(new EndedExport("old", "FENCED: taken over")));

    private static NodeSummary node(String name, NodeSummary.State state, long lastSeenMs) {
        return new NodeSummary(
                name,
                "127.0.0.1:2",
                "127.0.0.1:1",
                "z1",
                "",
                Map.of(),
                state,
                lastSeenMs,
                1,
                NodeDuty.State.IN_SERVICE,
                0,
                4);
    }

    private static StatusView status(Health health, List<StatusView.Reason> reasons) {
        return new StatusView(
                health,
                reasons,
                Optional.of(ID),
                Optional.of("node-1"),
                41,
                new StatusView.Capacity(60L << 30, 3L << 30, 50L << 30),
                List.of(NODE_1, NODE_2),
                new StatusView.PgCounts(3, 2, 1, 0),
                new StatusView.VolumeCounts(1, 1, 10L << 30),
                List.of(GATEWAY),
                List.of(DEMO));
    }

    @Test
    void statusNamesEachReplicaOnRequest() {
        server.on(
                "GET /v1/status",
                status(
                        Health.WARN,
                        List.of(
                                new StatusView.Reason(
                                        Health.WARN,
                                        "REPLICA_MISSING",
                                        "2 placement groups have a replica on node-2",
                                        "mirach node ls",
                                        List.of("pg1 on node-2", "pg2 on node-2")))));
        assertThat(run("status").out()).doesNotContain("pg1 on node-2");
        assertThat(run("status", "--detail").out())
                .contains(
                        "REPLICA_MISSING: 2 placement groups have a replica on node-2\n"
                                + "                 pg1 on node-2\n"
                                + "                 pg2 on node-2\n");
    }

    @Test
    void statusShowsAllOnOneScreenAndEndsWithTheNextCommand() {
        server.on(
                "GET /v1/status",
                status(
                        Health.WARN,
                        List.of(
                                new StatusView.Reason(
                                        Health.WARN,
                                        "NODE_DOWN",
                                        "node-2 does not answer",
                                        "mirach node ls",
                                        List.of()))));
        CliRun run = run("status");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .isEqualTo(
                        """
                        cluster 6f5c0a3e-0000-4000-8000-000000000001
                          health       WARN
                                       NODE_DOWN: node-2 does not answer

                        services
                          nodes        1 of 2 up; down: node-2 (seen 12 s ago)
                          meta         led by node-1, map version 41
                          gateways     gw up at nbd://127.0.0.1:10809

                        storage
                          pgs          3: 2 healthy, 1 degraded
                          volumes      1, 1 attached; 10 GiB provisioned
                          capacity     3 GiB used, 50 GiB free of 60 GiB raw

                        attachments
                          VOLUME  GATEWAY  MODE  STATE  NBD URI
                          demo    gw       rw    LIVE   nbd://127.0.0.1:10809/demo

                        next: mirach node ls
                        """);
    }

    @Test
    void statusOfACleanClusterAdvisesNothing() {
        server.on("GET /v1/status", status(Health.OK, List.of()));
        assertThat(run("status").out()).contains("health       OK\n").doesNotContain("next:");
    }

    @Test
    void statusEndsWithSixWhenSomethingIsNotServed() {
        server.on("GET /v1/status", status(Health.ERROR, List.of()));
        assertThat(run("status").exitCode()).isEqualTo(ExitCode.UNHEALTHY.number());
    }

    @Test
    void jsonAndYamlCarryTheWholeAnswer() {
        server.on("GET /v1/status", status(Health.OK, List.of()));
        assertThat(run("status", "-o", "json").out())
                .contains("\"health\" : \"OK\"", "\"clusterId\" : \"" + ID + "\"");
        assertThat(run("status", "-o", "YAML").out())
                .startsWith("health: OK\n")
                .contains("clusterId: " + ID + "\n");
    }

    @Test
    void watchShowsAgainAndOutlivesAFailure() {
        server.on("GET /v1/status", status(Health.OK, List.of()))
                .refuse("GET /v1/status", "NOT_READY", "electing", "")
                .on("GET /v1/status", status(Health.WARN, List.of()));
        clock.pausesUntilInterrupt = 2;
        CliRun run = run("status", "--watch=5");
        assertThat(run.out())
                .containsSubsequence("health       OK", "error: NOT_READY: electing", "WARN");
        assertThat(run.exitCode()).isEqualTo(130);
        assertThat(clock.nanoTime()).isEqualTo(10_000_000_001L);
    }

    @Test
    void dfWarnsOfFullDataDirs() {
        server.on(
                "GET /v1/df",
                new DfView(
                        new StatusView.Capacity(20L << 30, 9L << 30, 5L << 30),
                        10L << 30,
                        List.of(
                                new DfView.Row(
                                        "node-1",
                                        ID,
                                        "/d/1",
                                        10L << 30,
                                        4L << 30,
                                        5L << 30,
                                        DfView.Fill.OK),
                                new DfView.Row(
                                        "node-2",
                                        ID,
                                        "/d/2",
                                        10L << 30,
                                        5L << 30,
                                        0,
                                        DfView.Fill.FULL))));
        assertThat(run("df").out())
                .isEqualTo(
                        """
                        NODE    DATA DIR    SIZE   USED   FREE  FULL
                        node-1  /d/1      10 GiB  4 GiB  5 GiB   50%  ok
                        node-2  /d/2      10 GiB  5 GiB    0 B  100%  FULL: writes stopped
                        total   -         20 GiB  9 GiB  5 GiB   75%  -

                        volumes provisioned: 10 GiB (thin; each stored block takes its size on three nodes)
                        warning: node-2 /d/2 is full: delete volumes ('mirach volume rm NAME') or make its disk larger
                        """);
    }

    @Test
    void pgLsShowsLeaderTermIndexAndWhoIsBehind() {
        server.on(
                "GET /v1/pgs",
                List.of(
                        new PgView(
                                1,
                                ID,
                                PgView.Condition.DEGRADED,
                                Optional.of("node-1"),
                                4,
                                1234,
                                List.of(
                                        new PgView.Member(
                                                "node-1",
                                                ID,
                                                "LEADER",
                                                1234,
                                                0,
                                                false,
                                                Optional.empty(),
                                                Optional.empty(),
                                                false,
                                                PgView.Damage.NONE),
                                        new PgView.Member(
                                                "node-2",
                                                ID,
                                                "FOLLOWER",
                                                1200,
                                                34,
                                                false,
                                                Optional.empty(),
                                                Optional.empty(),
                                                false,
                                                PgView.Damage.NONE),
                                        new PgView.Member(
                                                "node-3",
                                                ID,
                                                "FOLLOWER",
                                                9,
                                                1225,
                                                true,
                                                Optional.empty(),
                                                Optional.empty(),
                                                false,
                                                PgView.Damage.NONE),
                                        new PgView.Member(
                                                "node-7",
                                                ID,
                                                "FOLLOWER",
                                                9,
                                                1225,
                                                true,
                                                Optional.of(
                                                        new PgView.Backfill(
                                                                2,
                                                                43L << 20,
                                                                100L << 20,
                                                                12L << 20,
                                                                200)),
                                                Optional.empty(),
                                                false,
                                                PgView.Damage.NONE),
                                        new PgView.Member(
                                                "node-4",
                                                ID,
                                                "UNREACHABLE",
                                                -1,
                                                -1,
                                                false,
                                                Optional.empty(),
                                                Optional.empty(),
                                                false,
                                                PgView.Damage.NONE),
                                        new PgView.Member(
                                                "node-6",
                                                ID,
                                                "LOST",
                                                -1,
                                                -1,
                                                false,
                                                Optional.empty(),
                                                Optional.of("entry 5 is damaged"),
                                                false,
                                                PgView.Damage.NONE),
                                        new PgView.Member(
                                                "node-5",
                                                ID,
                                                "FOLLOWER",
                                                1234,
                                                0,
                                                false,
                                                Optional.empty(),
                                                Optional.empty(),
                                                false,
                                                PgView.Damage.NONE)),
                                Optional.empty(),
                                new PgView.Scrub(
                                        clock.currentTimeMs() - 3 * 86_400_000L,
                                        true,
                                        OptionalInt.empty(),
                                        Optional.empty()))));
        assertThat(run("pg", "ls").out())
                .isEqualTo(
                        """
                        PG   STATE     LEADER  TERM  APPLIED  SCRUBBED   MEMBERS
                        pg1  DEGRADED  node-1     4     1234  3 d, soon  node-1 (leader), node-2 (34 behind), \
                        node-3 (needs backfill), node-7 (backfill 43 %, 12 MiB/s, 3 min left), \
                        node-4 (unreachable), node-6 (lost), node-5
                        """);
    }

    @Test
    void nodeGatewayAndAttachmentLists() {
        server.on("GET /v1/nodes", List.of(NODE_1, NODE_2))
                .on("GET /v1/gateways", List.of(GATEWAY))
                .on("GET /v1/attachments", List.of(DEMO));
        assertThat(run("node", "ls").out())
                .isEqualTo(
                        """
                        NAME    STATE  DUTY         SEEN  REPLICAS  ZONE  RACK  DIRS  HTTP         NATIVE
                        node-1  UP     in service  0.3 s         4  z1    -        1  127.0.0.1:1  127.0.0.1:2
                        node-2  DOWN   in service   12 s         4  z1    -        1  127.0.0.1:1  127.0.0.1:2
                        """);
        assertThat(run("gateway", "ls").out())
                .isEqualTo(
                        """
                        NAME  STATE   SEEN  HOST  LISTENS AT             VOLUMES
                        gw    UP     0.9 s  host  nbd://127.0.0.1:10809  demo
                        gateway gw no longer offers old: FENCED: taken over
                        """);
        assertThat(run("attachment", "ls").out())
                .isEqualTo(
                        """
                        VOLUME  MODE  STATE  GATEWAY  HOST  EPOCH   AGE  EXPIRES  NBD URI
                        demo    rw    LIVE   gw       host      7  65 s  in 21 s  nbd://127.0.0.1:10809/demo
                        """);
    }

    @Test
    void attachmentsThatExpiredEndOrMigrateAreTold() {
        AttachmentView.MigrationView migration =
                new AttachmentView.MigrationView("gw", "gw2", 42_000);
        server.on(
                "GET /v1/attachments",
                List.of(
                        attachment("db", "gw", Attachment.State.LIVE, 0, "", migration),
                        attachment("db", "gw2", Attachment.State.LIVE, 9_000, "", migration),
                        attachment(
                                "web",
                                "gw",
                                Attachment.State.RELEASING,
                                0,
                                "gateway gw2 took it over by force",
                                null)));
        assertThat(run("attachment", "ls").out())
                .isEqualTo(
                        """
                        VOLUME  MODE  STATE      GATEWAY  HOST  EPOCH    AGE   EXPIRES  NBD URI
                        db      rw    LIVE       gw       h         7  2.0 s   expired  -
                        db      rw    LIVE       gw2      h         7  2.0 s  in 9.0 s  -
                        web     rw    RELEASING  gw       h         7  2.0 s         -  -
                        web is taken from gateway gw: gateway gw2 took it over by force
                        db is migrating from gateway gw to gw2: 42 s left
                        """);
    }

    private static AttachmentView attachment(
            String volume,
            String gateway,
            Attachment.State state,
            long expiresInMs,
            String revokedBecause,
            AttachmentView.MigrationView migration) {
        return new AttachmentView(
                volume,
                7,
                Attachment.Mode.READ_WRITE,
                gateway,
                "h",
                state,
                0,
                2_000,
                expiresInMs,
                revokedBecause,
                Optional.ofNullable(migration),
                List.of());
    }

    @Test
    void clusterShowNamesTheMetaLeader() {
        server.on(
                "GET /v1/cluster",
                new ClusterView(
                        Optional.of(ID),
                        true,
                        Optional.of("node-2"),
                        3,
                        List.of("node-1", "node-2"),
                        List.of(NODE_1)));
        assertThat(run("cluster", "show").out())
                .contains("meta group   node-1, node-2 (leader)\n", "map version  3\n");
    }
}
