package io.mirach.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;

/** Every benchmark that needs no cluster still runs, and still measures the right bytes. */
class BenchmarksTest {
    private static final List<Class<?>> EXPECTED =
            List.of(
                    FrameCodecBenchmark.class,
                    ChunkStoreBenchmark.class,
                    NbdSessionBenchmark.class);

    @Test
    void everyBenchmarkRuns() throws Exception {
        Collection<RunResult> results =
                BriefRun.of(
                        BriefRun.options()
                                .include("Benchmark")
                                .exclude(ReplicatedVolumeBenchmark.class.getSimpleName())
                                .param("structuredReplies", "true", "false")
                                .param("writesPerEntry", "1", "4"));
        assertThat(results)
                .allSatisfy(
                        result -> assertThat(result.getPrimaryResult().getScore()).isPositive());
        Stream<String> benchmarks = results.stream().map(r -> r.getParams().getBenchmark());
        assertThat(benchmarks.map(name -> name.substring(0, name.lastIndexOf('.'))).distinct())
                .containsExactlyInAnyOrderElementsOf(
                        EXPECTED.stream().map(Class::getName).toList());
    }
}
