package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.AttachmentView;
import io.mirach.admin.ClusterView;
import io.mirach.admin.ExportView;
import io.mirach.admin.FakeAdminServer;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NodeView;
import io.mirach.admin.StatusView;
import io.mirach.admin.VolumeView;
import io.mirach.model.Attachment;
import io.mirach.model.IoLimits;
import io.mirach.model.Volume;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChangeCommandsTest extends CliOnFakeServer {
    private static final List<String> URIS =
            List.of("nbd://h:10809/vm1", "nbd+unix:///vm1?socket=/s");
    private static final ExportView EXPORT =
            new ExportView("vm1", "gw", Attachment.Mode.READ_WRITE, URIS);

    private static VolumeView volume(
            Volume.State state, List<AttachmentView> attachments, List<ExportView> exports) {
        return new VolumeView(
                1,
                "vm1",
                10L << 30,
                4 << 20,
                OptionalLong.of(3L << 20),
                state,
                1_795_000_000_000L,
                false,
                List.of(1, 2, 3),
                attachments,
                exports,
                0,
                IoLimits.NONE);
    }

    private static VolumeView free() {
        return volume(Volume.State.AVAILABLE, List.of(), List.of());
    }

    private static VolumeView held(String gateway, Attachment.State state) {
        return held(attachment(gateway, Attachment.Mode.READ_WRITE, state));
    }

    private static VolumeView held(AttachmentView... attachments) {
        return volume(Volume.State.AVAILABLE, List.of(attachments), List.of(EXPORT));
    }

    private static AttachmentView attachment(
            String gateway, Attachment.Mode mode, Attachment.State state) {
        return new AttachmentView(
                "vm1", 5, mode, gateway, "h", state, 0, 0, 30_000, "", Optional.empty(), URIS);
    }

    private static GatewayView gateway(String name) {
        return new GatewayView(name, "h", List.of(), GatewayView.State.UP, 0, List.of(), List.of());
    }

    @Test
    void createSendsTheSizeInBytesAndWaitsUntilTheVolumeIsThere() {
        server.on("POST /v1/volumes", volume(Volume.State.CREATING, List.of(), List.of()))
                .on("GET /v1/volumes/vm1", volume(Volume.State.CREATING, List.of(), List.of()))
                .on("GET /v1/volumes/vm1", free());
        CliRun run = run("volume", "create", "vm1", "--size", "10GiB", "--extent-size", "1M");
        assertThat(run)
                .isEqualTo(
                        new CliRun(
                                0,
                                "created volume vm1, 10 GiB\n",
                                "waiting for the placement groups to know vm1\n"));
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo(
                        "{\"name\":\"vm1\",\"sizeBytes\":10737418240,\"extentBytes\":1048576,\"strictReads\":false}");
    }

    @Test
    void strictReadsAreTurnedOnByName() {
        server.on("POST /v1/volumes/vm1/settings", free());
        assertThat(run("volume", "set", "vm1", "--strict-reads=on"))
                .isEqualTo(
                        new CliRun(
                                0, "settings of volume vm1: strict reads off, limits none\n", ""));
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo("{\"strictReads\":true,\"limits\":null}");
    }

    @Test
    void strictReadsAreOnOrOffAndNothingElse() {
        CliRun run = run("volume", "set", "vm1", "--strict-reads=yes");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err())
                .isEqualTo(
                        "error: INVALID_ARGUMENT: --strict-reads is on or off, not 'yes'\n"
                                + "remedy: mirach volume set vm1 --strict-reads=on\n");
        assertThat(server.received()).isEmpty();
    }

    @Test
    void limitsAreSetOneByOne() {
        server.on("POST /v1/volumes/vm1/settings", free());
        assertThat(
                        run(
                                        "volume",
                                        "set",
                                        "vm1",
                                        "--write-iops=500",
                                        "--read-rate=none",
                                        "--write-rate=64MiB",
                                        "--burst=10s")
                                .exitCode())
                .isZero();
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo(
                        "{\"strictReads\":null,\"limits\":{\"readIops\":null,\"writeIops\":500,\"readBytesPerSecond\":0,"
                                + "\"writeBytesPerSecond\":67108864,\"burstMs\":10000}}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--write-iops=0",
                "--write-iops=-5",
                "--write-iops=many",
                "--read-rate=1KiB",
                "--read-rate=0",
                "--write-rate=2TiB",
                "--burst=2h",
                "--burst=900000h",
                "--burst=never",
                ""
            })
    void limitsThatMakeNoSenseAreRefused(String option) {
        CliRun run =
                option.isEmpty()
                        ? run("volume", "set", "vm1")
                        : run("volume", "set", "vm1", option);
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).startsWith("error: INVALID_ARGUMENT: ").contains("remedy: ");
        assertThat(server.received()).isEmpty();
    }

    @Test
    void aSizeThatDoesNotFitIsAnsweredWithOneThatDoes() {
        CliRun run = run("volume", "create", "vm1", "--size", "1048577");
        assertThat(run.err())
                .contains(
                        "multiple of 4 KiB",
                        "remedy: the next larger size that fits is --size 1052672\n");
    }

    @Test
    void refusalsShowTheNodesOwnRemedyAndEndWithFour() {
        server.refuse("DELETE /v1/volumes/vm1", "VOLUME_IN_USE", "held by gw", "mirach detach vm1");
        assertThat(run("volume", "rm", "vm1"))
                .isEqualTo(
                        new CliRun(
                                4,
                                "",
                                "error: VOLUME_IN_USE: held by gw\nremedy: mirach detach vm1\n"));
    }

    @Test
    void aMissingVolumeEndsWithFiveAndADefaultRemedy() {
        server.refuse("DELETE /v1/volumes/vm1", "NO_SUCH_VOLUME", "there is no volume vm1", "");
        CliRun run = run("volume", "rm", "vm1");
        assertThat(run.exitCode()).isEqualTo(5);
        assertThat(run.err()).endsWith("remedy: list the volumes with 'mirach volume ls'\n");
    }

    @Test
    void dryRunOnlyReads() {
        server.on("GET /v1/volumes", List.of())
                .on("GET /v1/volumes/vm1", free())
                .on("GET /v1/gateways", List.of(gateway("gw")));
        List<CliRun> runs = new ArrayList<>();
        runs.add(run("volume", "create", "vm1", "--size", "1G", "--dry-run"));
        runs.add(run("volume", "rm", "vm1", "--dry-run"));
        runs.add(run("attach", "vm1", "--dry-run"));
        assertThat(runs)
                .extracting(CliRun::out)
                .containsExactly(
                        "would create volume vm1 of 1 GiB; nothing is changed (--dry-run)\n",
                        "would delete volume vm1; nothing is changed (--dry-run)\n",
                        "would attach volume vm1 at gateway gw; nothing is changed (--dry-run)\n");
        assertThat(server.calls()).allMatch(call -> call.startsWith("GET "));
    }

    @Test
    void dryRunRefusesWhatTheChangeWouldRefuse() {
        server.on("GET /v1/volumes", List.of(free()))
                .on("GET /v1/volumes/vm1", held("other", Attachment.State.LIVE))
                .on("GET /v1/gateways", List.of(gateway("gw"), gateway("gw2")));
        assertThat(run("volume", "create", "vm1", "--size", "1G", "--dry-run").err())
                .startsWith("error: VOLUME_EXISTS: ");
        assertThat(run("volume", "rm", "vm1", "--dry-run").err())
                .startsWith("error: VOLUME_IN_USE: ");
        assertThat(run("attach", "vm1", "--dry-run").err()).contains("there are 2 gateways");
        assertThat(run("attach", "vm1", "--gateway", "gw", "--dry-run").err())
                .startsWith("error: VOLUME_IN_USE: volume vm1 is held by gateway other");
        assertThat(run("attach", "vm1", "--gateway", "no", "--dry-run").exitCode()).isEqualTo(5);
    }

    @Test
    void curlPrintsTheCallAndSendsNothing() {
        CliRun run = run("volume", "create", "vm1", "--size", "1M", "--curl");
        assertThat(run.out())
                .isEqualTo(
                        "curl -sS -X POST -H 'Content-Type: application/json' -d"
                                + " '{\"name\":\"vm1\",\"sizeBytes\":1048576,\"extentBytes\":4194304,\"strictReads\":false}'"
                                + " 'http://"
                                + server.endpoint()
                                + "/v1/volumes'\n");
        assertThat(run("detach", "vm1", "--force", "--curl").out().lines())
                .hasSize(2)
                .last()
                .asString()
                .contains("{\"force\":true,\"gateway\":null}", "/v1/volumes/vm1/detach");
        assertThat(server.calls()).isEmpty();
    }

    @Test
    void attachWaitsUntilItIsLiveAndPrintsTheUris() {
        server.on("POST /v1/volumes/vm1/export", EXPORT)
                .on("GET /v1/volumes/vm1", free())
                .refuse("GET /v1/volumes/vm1", "NOT_READY", "electing a meta leader", "")
                .on("GET /v1/volumes/vm1", held("gw", Attachment.State.PENDING))
                .on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE));
        CliRun run = run("attach", "vm1", "--gateway", "gw");
        assertThat(run.out()).isEqualTo(String.join("\n", URIS) + "\n");
        assertThat(run.err())
                .isEqualTo(
                        """
                        waiting for gateway gw to attach vm1
                        waiting: electing a meta leader
                        waiting for every placement group to admit epoch 5
                        volume vm1 is attached at gateway gw
                        """);
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo(
                        "{\"gateway\":\"gw\",\"mode\":\"READ_WRITE\",\"force\":false,"
                                + "\"migrationWindowMs\":null}");
    }

    @Test
    void attachSendsHowItIsMeant() {
        server.on("POST /v1/volumes/vm1/export", EXPORT)
                .on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE));
        run("attach", "vm1", "--force");
        run("attach", "vm1", "--migrate", "--window", "2m");
        run("attach", "vm1", "--shared");
        assertThat(server.received())
                .filteredOn(received -> received.body().isPresent())
                .extracting(received -> received.body().get().toString())
                .containsExactly(
                        "{\"gateway\":null,\"mode\":\"READ_WRITE\",\"force\":true,"
                                + "\"migrationWindowMs\":null}",
                        "{\"gateway\":null,\"mode\":\"READ_WRITE\",\"force\":false,"
                                + "\"migrationWindowMs\":120000}",
                        "{\"gateway\":null,\"mode\":\"SHARED\",\"force\":false,"
                                + "\"migrationWindowMs\":null}");
    }

    @Test
    void attachRefusesWhatDoesNotGoTogether() {
        assertThat(run("attach", "vm1", "--shared", "--read-only").exitCode()).isEqualTo(2);
        assertThat(run("attach", "vm1", "--migrate", "--force").err()).contains("--migrate goes");
        assertThat(run("attach", "vm1", "--migrate", "--window", "2h").err()).contains("--window");
        assertThat(run("attach", "vm1", "--window", "0s").exitCode()).isEqualTo(2);
        assertThat(server.calls()).isEmpty();
    }

    @Test
    void dryRunOfAttachSaysWhoIsInTheWay() {
        server.on("GET /v1/gateways", List.of(gateway("gw"), gateway("other")))
                .on("GET /v1/volumes/vm1", held("other", Attachment.State.LIVE));
        assertThat(run("attach", "vm1", "--gateway", "gw", "--force", "--dry-run").out())
                .startsWith("would attach volume vm1 at gateway gw, taking it from gateway other;");
        assertThat(run("attach", "vm1", "--gateway", "gw", "--migrate", "--dry-run").out())
                .startsWith("would attach volume vm1 at gateway gw, beside gateway other;");
    }

    @Test
    void oneOfSeveralHoldersHasToBeNamed() {
        server.on(
                        "GET /v1/volumes/vm1",
                        held(
                                attachment("gw", Attachment.Mode.SHARED, Attachment.State.LIVE),
                                attachment("gw2", Attachment.Mode.SHARED, Attachment.State.LIVE)))
                .on(
                        "GET /v1/volumes/vm1",
                        held(
                                attachment("gw", Attachment.Mode.SHARED, Attachment.State.LIVE),
                                attachment("gw2", Attachment.Mode.SHARED, Attachment.State.LIVE)))
                .on(
                        "GET /v1/volumes/vm1",
                        held(attachment("gw", Attachment.Mode.SHARED, Attachment.State.LIVE)))
                .on("POST /v1/volumes/vm1/detach", "");
        assertThat(run("detach", "vm1").err())
                .startsWith("error: INVALID_ARGUMENT: volume vm1 is at 2 gateways: gw, gw2\n");
        CliRun evicted = run("attachment", "evict", "vm1", "--gateway", "gw2");
        assertThat(evicted.out()).isEqualTo("volume vm1 is detached from gateway gw2\n");
        assertThat(server.received().get(2).body().orElseThrow().toString())
                .isEqualTo("{\"force\":true,\"gateway\":\"gw2\"}");
    }

    @Test
    void attachGivesUpAfterItsTimeout() {
        server.on("POST /v1/volumes/vm1/export", EXPORT)
                .on("GET /v1/volumes/vm1", held("gw", Attachment.State.PENDING));
        CliRun run = run("attach", "vm1", "--timeout", "7");
        assertThat(run.exitCode()).isEqualTo(3);
        assertThat(run.err())
                .contains("error: TIMEOUT: gateway gw did not attach volume vm1 within 7 s\n");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void detachTakesTheOrderBackAndWaitsUntilTheVolumeIsFree() {
        server.on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE))
                .on("GET /v1/volumes/vm1", held("gw", Attachment.State.RELEASING))
                .on("GET /v1/volumes/vm1", free())
                .on("DELETE /v1/volumes/vm1/export?gateway=gw", "");
        CliRun run = run("detach", "vm1");
        assertThat(run.out()).isEqualTo("volume vm1 is detached from gateway gw\n");
        assertThat(run.err()).isEqualTo("waiting for gateway gw to give it back (RELEASING)\n");
        assertThat(server.calls()).doesNotContain("POST /v1/volumes/vm1/detach");
    }

    @Test
    void detachByForceEndsTheAttachmentToo() {
        server.on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE))
                .on("GET /v1/volumes/vm1", free())
                .on("DELETE /v1/volumes/vm1/export?gateway=gw", "")
                .on("POST /v1/volumes/vm1/detach", "");
        assertThat(run("detach", "vm1", "--force").exitCode()).isZero();
        assertThat(server.calls())
                .containsSubsequence(
                        "DELETE /v1/volumes/vm1/export?gateway=gw", "POST /v1/volumes/vm1/detach");
    }

    @Test
    void detachThatIsNotGivenBackAdvisesForce() {
        server.on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE))
                .on("DELETE /v1/volumes/vm1/export?gateway=gw", "");
        CliRun run = run("detach", "vm1", "--timeout", "3");
        assertThat(run.exitCode()).isEqualTo(3);
        assertThat(run.err())
                .contains("error: TIMEOUT: ", "mirach detach vm1 --gateway gw --force");
    }

    @Test
    void detachRefusesAFreeVolumeAndAnotherGateways() {
        server.on("GET /v1/volumes/vm1", free())
                .on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE));
        assertThat(run("detach", "vm1").err()).startsWith("error: NOT_ATTACHED: ");
        assertThat(run("detach", "vm1", "--gateway", "x").err()).startsWith("error: CONFLICT: ");
        assertThat(server.calls()).containsOnly("GET /v1/volumes/vm1");
    }

    @Test
    void showTellsWhoHoldsIt() {
        server.on("GET /v1/volumes/vm1", held("gw", Attachment.State.LIVE));
        assertThat(run("volume", "show", "vm1").out())
                .contains(
                        "size              10 GiB (10737418240 bytes)\n",
                        "placement groups  pg1 pg2 pg3\n",
                        "attachment        LIVE at gateway gw (rw, epoch 5",
                        "nbd               nbd://h:10809/vm1\n");
    }

    @Test
    void clusterInitNeedsThreeNodes() {
        CliRun run = run("cluster", "init", "--endpoint", "a:1,b:1,a:1");
        assertThat(run.exitCode()).isEqualTo(4);
        assertThat(run.err()).contains("NOT_ENOUGH_NODES", "names 2");
    }

    @Test
    void clusterInitWaitsUntilEveryPlacementGroupIsServed() throws IOException {
        try (FakeAdminServer second = new FakeAdminServer();
                FakeAdminServer third = new FakeAdminServer()) {
            UUID id = UUID.fromString("6f5c0a3e-0000-4000-8000-000000000001");
            server.on(
                            "POST /v1/cluster/init",
                            new ClusterView(
                                    Optional.of(id),
                                    true,
                                    Optional.empty(),
                                    1,
                                    List.of(),
                                    List.of()))
                    .on("GET /v1/status", status(id, 3, 2))
                    .on("GET /v1/status", status(id, 3, 0));
            String endpoints = server.endpoint() + "," + second.endpoint() + "," + third.endpoint();
            CliRun run = run("cluster", "init", "--endpoint", endpoints);
            assertThat(run.err()).contains("waiting for placement groups: 1 of 3 served\n");
            assertThat(run.out())
                    .isEqualTo("cluster " + id + " serves: 0 nodes, 3 placement groups\n");
            assertThat(server.received().get(0).body().orElseThrow().get("nodes")).hasSize(3);
        }
    }

    @Test
    void clusterInitDryRunFindsANodeThatBelongsElsewhere() throws IOException {
        try (FakeAdminServer second = new FakeAdminServer();
                FakeAdminServer third = new FakeAdminServer()) {
            server.on("GET /v1/node", node("a", false));
            second.on("GET /v1/node", node("b", true));
            third.on("GET /v1/node", node("c", false));
            CliRun run =
                    run(
                            "cluster",
                            "init",
                            "--dry-run",
                            "--endpoint",
                            server.endpoint() + "," + second.endpoint() + "," + third.endpoint());
            assertThat(run.err()).startsWith("error: ALREADY_INITIALISED: node b at ");
        }
    }

    private static NodeView node(String name, boolean initialised) {
        return new NodeView(
                name,
                "1",
                initialised,
                Optional.of(new UUID(7, 7)).filter(id -> initialised),
                "h:1",
                "h:2",
                "",
                "",
                Map.of(),
                List.of(),
                1);
    }

    private static StatusView status(UUID id, int total, int unserved) {
        return new StatusView(
                StatusView.Health.OK,
                List.of(),
                Optional.of(id),
                Optional.empty(),
                1,
                new StatusView.Capacity(0, 0, 0),
                List.of(),
                new StatusView.PgCounts(total, total - unserved, 0, unserved),
                new StatusView.VolumeCounts(0, 0, 0),
                List.of(),
                List.of());
    }
}
