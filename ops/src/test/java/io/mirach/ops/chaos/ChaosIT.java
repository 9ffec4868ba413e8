package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.mirach.cli.CliClock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Each fault once, and no violation. That the same run finds what is wrong when a safeguard is
 * taken out is shown by {@code ops/chaos/mutants}.
 */
class ChaosIT {
    private static final String FAULTS =
            "kill-leader,stop-leader,isolate-leader,cut-raft,take-over";
    private static final String DISKS = "log-sync-error,store-read-error,power-loss-all,flip-log";

    private final long seed =
            Long.getLong("mirach.seed", ThreadLocalRandom.current().nextLong(Integer.MAX_VALUE));

    private static final String SQLITE = "sqlite";
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    @Test
    void registersAreLinearizableWhateverBefallsTheirLeaders() throws Exception {
        ChaosReport report = runRegisters(FAULTS);
        assertThat(report.strikes().keySet())
                .as("every fault struck, except where the machine does not allow it")
                .isEqualTo(
                        Faults.parse(FAULTS).stream()
                                .map(Fault::name)
                                .filter(name -> !report.skipped().containsKey(name))
                                .collect(Collectors.toSet()));
    }

    @Test
    void whatIsAcknowledgedOutlivesFailingForgettingAndDamagedDisks() throws Exception {
        ChaosReport report = runRegisters(DISKS);
        assumeThat(report.skipped()).as("no C compiler, or no FUSE").isEmpty();
        assertThat(report.strikes()).hasSize(4);
        assertThat(report.strikes().values())
                .allMatch(strikes -> strikes.longestPause().compareTo(LONGEST_PAUSE) < 0);
    }

    @Test
    void aDatabaseInAGuestOutlivesItsCrashesAndThoseOfGatewayAndLeader() throws Exception {
        Optional<String> unavailable = Workloads.unavailable(SQLITE);
        assumeThat(unavailable).as("no sqlite3, or no way to mount").isEmpty();
        ChaosReport report = run(SQLITE, "kill-gateway,kill-leader");
        assertThat(report.strikes()).hasSize(2);
        // A read is the check after a crash.
        assertThat(report.answeredReads()).isGreaterThan(2);
        assertThat(report.acknowledgedWrites()).isGreaterThan(2);
    }

    private ChaosReport runRegisters(String names) throws Exception {
        ChaosReport report = run(Workloads.REGISTERS, names);
        // Every block was written and read after each fault, so an idle run cannot pass.
        assertThat(report.acknowledgedWrites()).isGreaterThan(50);
        assertThat(report.answeredReads()).isGreaterThan(50);
        return report;
    }

    private ChaosReport run(String workload, String names) throws Exception {
        // Not a temporary folder: it tells why when this fails.
        Path folder =
                Path.of("target", "chaos-it", seed + "-" + names.split(",")[0]).toAbsolutePath();
        System.out.println(
                "ChaosIT seed "
                        + seed
                        + "; again: -Dit.test=ChaosIT -Dmirach.seed="
                        + seed
                        + "; what it leaves is in "
                        + folder);
        List<Fault> faults = Faults.parse(names);
        ChaosSettings settings =
                new ChaosSettings(
                        seed,
                        Duration.ZERO,
                        1,
                        3,
                        3,
                        workload,
                        faults,
                        Path.of(System.getProperty("mirach.home"), "bin", "mirach"),
                        folder);
        ChaosReport report = new ChaosRun(settings, CliClock.system(), System.out::println).run();

        assertThat(report.trouble()).isEmpty();
        assertThat(report.violations()).isEmpty();
        return report;
    }
}
