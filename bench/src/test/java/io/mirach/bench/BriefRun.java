package io.mirach.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.util.Collection;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs benchmarks in this JVM just long enough to see that they work: what they measure here means
 * nothing. A benchmark that fails, or that loses a buffer, fails the test.
 */
final class BriefRun {
    private BriefRun() {}

    /** Options for small working sets and one short iteration, to be narrowed by name. */
    static ChainedOptionsBuilder options() {
        return new OptionsBuilder()
                .forks(0)
                .warmupIterations(0)
                .measurementIterations(1)
                .measurementTime(TimeValue.milliseconds(50))
                .param("workingSetMiB", "4")
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT);
    }

    static Collection<RunResult> of(ChainedOptionsBuilder options) throws RunnerException {
        Queue<String> leaks = new ConcurrentLinkedQueue<>();
        ByteBufUtil.setLeakListener((type, records) -> leaks.add(type + records));
        try {
            Collection<RunResult> results = new Runner(options.build()).run();
            collectLeaks();
            assertThat(leaks).as("buffers that were not released").isEmpty();
            return results;
        } finally {
            ByteBufUtil.setLeakListener(null);
        }
    }

    /** The detector tells of buffers that were collected when it tracks new ones. */
    private static void collectLeaks() {
        for (int i = 0; i < 3; i++) {
            System.gc();
            for (int j = 0; j < 100; j++) {
                ByteBufAllocator.DEFAULT.directBuffer(16).release();
            }
        }
    }
}
