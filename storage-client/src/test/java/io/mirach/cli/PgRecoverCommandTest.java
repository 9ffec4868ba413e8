package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.PgView;
import io.mirach.admin.RecoveryView;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class PgRecoverCommandTest extends CliOnFakeServer {
    private static final String LOOK = "GET /v1/pgs/3/recovery";
    private static final String ORDER = "POST /v1/pgs/3/recovery";
    private static final String GROUPS = "GET /v1/pgs";

    private static RecoveryView view(Optional<RecoveryView.Refusal> refusal) {
        return new RecoveryView(
                3,
                false,
                refusal,
                Optional.of("node-1"),
                List.of(
                        new RecoveryView.ReplicaLeft(
                                "node-1", new UUID(0, 1), true, "follower", 90),
                        new RecoveryView.ReplicaLeft(
                                "node-2", new UUID(0, 2), false, "not heard for 70 s", 97)),
                97,
                7,
                List.of("db", "vm1"));
    }

    private static PgView pg(PgView.Condition state) {
        return new PgView(
                3,
                new UUID(1, 3),
                state,
                Optional.empty(),
                1,
                1,
                List.of(),
                Optional.empty(),
                PgView.Scrub.NONE,
                Optional.of(
                        new PgView.Recovery(
                                1_600_000_000_000L, "node-1", 90, 97, false, List.of("node-2"))));
    }

    @Test
    void dryRunSaysWhatIsLeftAndWhatMayBeLost() {
        server.on(LOOK, view(Optional.empty()));
        CliRun run = run("pg", "recover", "pg3", "--dry-run");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .contains("would recover pg3 from the replica on node-1")
                .contains("node-2: not heard for 70 s, applied entry 97")
                .contains("known to be missing: 7")
                .contains("db, vm1")
                .contains("nothing is changed");
        assertThat(server.received()).hasSize(1);
    }

    @Test
    void withoutTheAcceptanceNothingIsSent() {
        CliRun run = run("pg", "recover", "pg3", "--yes");
        assertThat(run.exitCode()).isNotZero();
        assertThat(run.err()).contains("INVALID_ARGUMENT").contains("--accept-data-loss");
        assertThat(server.received()).isEmpty();
    }

    @Test
    void withoutAnAnswerNothingIsChanged() {
        server.on(LOOK, view(Optional.empty()));
        CliRun run = run("pg", "recover", "pg3", "--accept-data-loss");
        assertThat(run.exitCode()).isNotZero();
        assertThat(run.err()).contains("Type pg3 to go on").contains("not confirmed");
        assertThat(server.received()).hasSize(1);
    }

    @Test
    void groupWithAMajorityIsRefused() {
        server.on(
                LOOK,
                view(
                        Optional.of(
                                new RecoveryView.Refusal(
                                        "CONFLICT", "pg3 has a majority", "mirach pg ls"))));
        CliRun run = run("pg", "recover", "pg3", "--accept-data-loss", "--yes");
        assertThat(run.exitCode()).isNotZero();
        assertThat(run.err()).contains("CONFLICT").contains("pg3 has a majority");
        assertThat(server.received()).hasSize(1);
    }

    @Test
    void itWaitsUntilTheSurvivorHasTakenOver() {
        server.on(LOOK, view(Optional.empty()))
                .on(ORDER, view(Optional.empty()))
                .on(GROUPS, List.of(pg(PgView.Condition.RECOVERING)))
                .on(GROUPS, List.of(pg(PgView.Condition.DEGRADED)));
        CliRun run = run("pg", "recover", "pg3", "--accept-data-loss", "--yes");
        assertThat(run.err()).isEqualTo("waiting for node node-1 to take over\n");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).contains("pg3 goes on from the replica on node-1");
        assertThat(server.received().get(1).body().orElseThrow().toString())
                .contains("\"acceptDataLoss\":true");
    }

    @Test
    void whatIsLeftOfBeforeIsDeletedWhenToldSo() {
        server.on(GROUPS, List.of(pg(PgView.Condition.HEALTHY)))
                .on("DELETE /v1/pgs/3/recovery", Map.of());
        CliRun run = run("pg", "recover", "3", "--discard-old");
        assertThat(run.exitCode()).isZero();
        assertThat(server.received()).hasSize(2);
    }
}
