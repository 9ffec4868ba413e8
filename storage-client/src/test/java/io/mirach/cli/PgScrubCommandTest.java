package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.PgView;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class PgScrubCommandTest extends CliOnFakeServer {
    private static final String ORDER = "POST /v1/pgs/scrub";
    private static final String LOOK = "GET /v1/pgs";

    private static PgView pg(int id, boolean ordered, OptionalInt percent, String finding) {
        return new PgView(
                id,
                new UUID(1, id),
                PgView.Condition.HEALTHY,
                Optional.empty(),
                1,
                1,
                List.of(),
                Optional.empty(),
                new PgView.Scrub(
                        5, ordered, percent, Optional.of(finding).filter(text -> !text.isEmpty())));
    }

    private static PgView done(int id) {
        return pg(id, false, OptionalInt.empty(), "");
    }

    private static PgView waiting(int id) {
        return pg(id, true, OptionalInt.empty(), "");
    }

    @Test
    void itWaitsUntilAllThatAreNamedAreWell() {
        server.on(ORDER, Map.of())
                .on(LOOK, List.of(waiting(1), waiting(2)))
                .on(LOOK, List.of(pg(1, true, OptionalInt.of(47), ""), waiting(2)))
                .on(LOOK, List.of(done(1), waiting(2)))
                .on(LOOK, List.of(done(1), done(2)));
        assertThat(run("pg", "scrub", "all"))
                .isEqualTo(
                        new CliRun(
                                0,
                                "pg1: all blocks are intact, all replicas are equal\n"
                                        + "pg2: all blocks are intact, all replicas are equal\n",
                                "scrubbing, 2 of 2 left\n"
                                        + "scrubbing, 2 of 2 left: pg1 40 %\n"
                                        + "scrubbing, 1 of 2 left\n"));
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo("{\"pgs\":[]}");
    }

    @Test
    void oneIsNamedAndOthersDoNotMatter() {
        server.on(ORDER, Map.of()).on(LOOK, List.of(waiting(1), done(2)));
        assertThat(run("pg", "scrub", "pg2").out()).startsWith("pg2: all blocks");
        assertThat(server.received().get(0).body().orElseThrow().toString())
                .isEqualTo("{\"pgs\":[2]}");
    }

    @Test
    void differenceThatNobodyCanPutRightIsAnError() {
        server.on(ORDER, Map.of())
                .on(LOOK, List.of(pg(1, true, OptionalInt.empty(), "they differ")));
        CliRun run = run("pg", "scrub", "1");
        assertThat(run.exitCode()).isNotZero();
        assertThat(run.err()).contains("pg1: they differ", "mirach pg verify pg1");
    }

    @Test
    void withoutWaitingDryAndWrong() {
        server.on(ORDER, Map.of()).on(LOOK, List.of(done(1), done(2)));
        assertThat(run("pg", "scrub", "all", "--no-wait").out()).contains("mirach pg ls");
        assertThat(run("pg", "scrub", "all", "--dry-run").out())
                .contains("would scrub pg1, pg2; nothing is changed");
        assertThat(run("pg", "scrub", "pg7", "--dry-run").err()).contains("there is no pg7");
        assertThat(run("pg", "scrub", "seven").err()).contains("is not a placement group");
        assertThat(run("pg", "scrub", "pg1", "--curl").out()).contains("/v1/pgs/scrub");
    }
}
