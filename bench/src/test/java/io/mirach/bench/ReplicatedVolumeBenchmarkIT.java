package io.mirach.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.results.RunResult;

/** The benchmark that needs a cluster still runs, and still measures the right bytes. */
class ReplicatedVolumeBenchmarkIT {
    @TempDir Path folder;

    @Test
    void everyBenchmarkRuns() throws Exception {
        // One cluster for all: starting it takes longest.
        try (LoopbackCluster cluster = LoopbackCluster.start(folder);
                AutoCloseable lending = ReplicatedVolumeBenchmark.lend(cluster)) {
            Collection<RunResult> results =
                    BriefRun.of(
                            BriefRun.options().include(ReplicatedVolumeBenchmark.class.getName()));
            assertThat(results)
                    .as("writes and reads at two depths, and their latencies")
                    .hasSize(6)
                    .allSatisfy(
                            result ->
                                    assertThat(result.getPrimaryResult().getScore()).isPositive());
        }
    }
}
