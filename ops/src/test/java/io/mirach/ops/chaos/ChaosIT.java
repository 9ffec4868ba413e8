package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.cli.CliClock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
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

    private final long seed =
            Long.getLong("mirach.seed", ThreadLocalRandom.current().nextLong(Integer.MAX_VALUE));

    @Test
    void registersAreLinearizableWhateverBefallsTheirLeaders() throws Exception {
        // Not a temporary folder: it tells why when this fails.
        Path folder = Path.of("target", "chaos-it", Long.toString(seed)).toAbsolutePath();
        System.out.println(
                "ChaosIT seed "
                        + seed
                        + "; again: -Dit.test=ChaosIT -Dmirach.seed="
                        + seed
                        + "; what it leaves is in "
                        + folder);
        List<Fault> faults = Faults.parse(FAULTS);
        ChaosSettings settings =
                new ChaosSettings(
                        seed,
                        Duration.ZERO,
                        3,
                        3,
                        Workloads.REGISTERS,
                        faults,
                        Path.of(System.getProperty("mirach.home"), "bin", "mirach"),
                        folder);
        ChaosReport report = new ChaosRun(settings, CliClock.system(), System.out::println).run();

        assertThat(report.trouble()).isEmpty();
        assertThat(report.violations()).isEmpty();
        assertThat(report.strikes().keySet())
                .as("every fault struck, except where the machine does not allow it")
                .isEqualTo(
                        faults.stream()
                                .map(Fault::name)
                                .filter(name -> !report.skipped().containsKey(name))
                                .collect(Collectors.toSet()));
        // Every block was written and read after each fault, so an idle run cannot pass.
        assertThat(report.acknowledgedWrites()).isGreaterThan(50);
        assertThat(report.answeredReads()).isGreaterThan(50);
    }
}
