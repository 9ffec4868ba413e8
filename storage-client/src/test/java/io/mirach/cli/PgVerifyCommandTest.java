package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.PgView;
import io.mirach.admin.VerificationOrder;
import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PgVerifyCommandTest extends CliOnFakeServer {
    private static final UUID DIR = new UUID(1, 2);
    private static final String ORDER = "POST /v1/pgs/1/verify";
    private static final String LOOK = "GET /v1/pgs/1/verify/77";

    @BeforeEach
    void layOutTheOrder() {
        server.on(ORDER, new VerificationOrder(1, 77));
    }

    private static VerificationView.Result result(String node, State state, String detail) {
        boolean hashed = state == State.DONE || state == State.DIFFERENT;
        return new VerificationView.Result(
                node,
                DIR,
                state,
                state == State.UNREACHABLE ? -1 : 41,
                state == State.RUNNING ? 120 : hashed ? 256 : 0,
                256,
                1 << 20,
                hashed ? "0123456789abcdef" : "",
                detail);
    }

    private static VerificationView view(
            int pg, Verdict verdict, VerificationView.Result... results) {
        boolean settled =
                List.of(results).stream()
                        .noneMatch(r -> r.state() == State.RUNNING || r.state() == State.BEHIND);
        return new VerificationView(pg, 77, verdict, settled, List.of(results));
    }

    private static VerificationView equal(int pg) {
        return view(pg, Verdict.EQUAL, result("n1", State.DONE, ""), result("n2", State.DONE, ""));
    }

    @Test
    void itWaitsAndEndsWithZeroIfAllAreEqual() {
        server.on(
                        LOOK,
                        view(
                                1,
                                Verdict.INCOMPLETE,
                                result("n1", State.RUNNING, ""),
                                result("n2", State.RUNNING, "")))
                .on(LOOK, equal(1));
        CliRun run = run("pg", "verify", "pg1");
        assertThat(run.out())
                .isEqualTo(
                        """
                        PG   NODE  RESULT  ENTRY  BLOCKS  DIGEST
                        pg1  n1    done       41     256  0123456789ab
                        pg1  n2    done       41     256  0123456789ab

                        pg1: EQUAL
                        """);
        assertThat(run.err()).isEqualTo("verifying pg1: 40 %\n");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void replicaThatDiffersIsNamed() {
        server.on(
                LOOK,
                view(
                        1,
                        Verdict.DIFFERENT,
                        result("n1", State.DONE, ""),
                        result("n2", State.DIFFERENT, "does not hold what the others hold")));
        CliRun run = run("pg", "verify", "pg1");
        assertThat(run.out())
                .contains("pg1: DIFFERENT\n  n2: does not hold what the others hold\n")
                .contains("remedy: 'mirach pg scrub pg1' has");
        assertThat(run.exitCode()).isEqualTo(ExitCode.UNHEALTHY.number());
    }

    @Test
    void oneThatStaysBehindIsNotWaitedForForever() {
        server.on(
                LOOK,
                view(
                        1,
                        Verdict.INCOMPLETE,
                        result("n1", State.DONE, ""),
                        result("n2", State.BEHIND, "3 entries before the one to compare at")));
        CliRun run = run("pg", "verify", "1");
        assertThat(run.out()).contains("pg1: INCOMPLETE\n  n2: 3 entries").contains("pg ls");
        assertThat(run.exitCode()).isEqualTo(ExitCode.UNHEALTHY.number());
    }

    @Test
    void allAreVerifiedOneAfterTheOtherWithoutTheMetaGroup() {
        server.on("GET /v1/pgs", List.of(pg(0), pg(1), pg(2)))
                .on(LOOK, equal(1))
                .on("POST /v1/pgs/2/verify", new VerificationOrder(2, 78))
                .on(
                        "GET /v1/pgs/2/verify/78",
                        view(
                                2,
                                Verdict.DAMAGED,
                                result("n1", State.DONE, ""),
                                result("n2", State.DAMAGED, "block 7 of layer 1 not intact")));
        CliRun run = run("pg", "verify", "all", "-o", "json");
        assertThat(run.out())
                .as(run.err())
                .contains("\"verdict\" : \"EQUAL\"")
                .contains("block 7 of layer 1");
        assertThat(run.exitCode()).isEqualTo(ExitCode.UNHEALTHY.number());
        assertThat(server.calls())
                .containsExactly(
                        "GET /v1/pgs",
                        ORDER,
                        LOOK,
                        "POST /v1/pgs/2/verify",
                        "GET /v1/pgs/2/verify/78");
    }

    private static PgView pg(int id) {
        return new PgView(
                id,
                DIR,
                PgView.Condition.HEALTHY,
                Optional.empty(),
                1,
                1,
                List.of(),
                Optional.empty(),
                PgView.Scrub.NONE);
    }

    @Test
    void curlAndWrongNames() {
        assertThat(run("pg", "verify", "pg1", "--curl").out())
                .startsWith("curl -sS -X POST 'http://")
                .endsWith("/v1/pgs/1/verify'\n");
        assertThat(run("pg", "verify", "all", "--curl").exitCode())
                .isEqualTo(ExitCode.USAGE.number());
        assertThat(run("pg", "verify", "vm1").exitCode()).isEqualTo(ExitCode.USAGE.number());
        assertThat(server.calls()).isEmpty();
    }
}
