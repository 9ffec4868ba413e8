package io.mirach.bench.command;

import io.mirach.bench.command.JobResult.Latency;
import io.mirach.cli.CliClock;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;

/** Puts one target under one load after the other. Confined to the command's thread. */
final class LoadSession {
    private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);

    /** Long enough for an election; a request that takes longer is what has to be told. */
    private static final long NO_REPLY_LIMIT_SECONDS = 60;

    /** At the start of each job, not measured: what the job before left in flight settles. */
    private static final Duration RAMP = Duration.ofSeconds(1);

    private static final LoadJob FILL = new LoadJob(false, true, 128 << 10, 16);
    private static final LoadJob WARM_UP_WRITE = new LoadJob(true, true, LoadJob.BLOCK_BYTES, 16);
    private static final LoadJob WARM_UP_READ = new LoadJob(true, false, LoadJob.BLOCK_BYTES, 16);

    private final LoadTarget target;
    private final ClusterProcesses processes;
    private final StampedBlocks blocks;
    private final long regionBytes;
    private final LiveProgress progress;
    private final CliClock clock;
    private boolean filled;
    private long seed;

    /**
     * @param regionBytes from the target's start; a multiple of 4 MiB
     */
    LoadSession(
            LoadTarget target,
            ClusterProcesses processes,
            long regionBytes,
            LiveProgress progress,
            CliClock clock) {
        this.target = target;
        this.processes = processes;
        this.regionBytes = regionBytes;
        this.progress = progress;
        this.clock = clock;
        this.seed = clock.nanoTime();
        this.blocks = new StampedBlocks(seed);
    }

    /** Writes the region once, so that reads find blocks; the seconds it took. */
    double fill() throws InterruptedException {
        LoadRun run = run(FILL);
        long start = clock.nanoTime();
        CompletableFuture<Void> ended = run.startOnePass();
        long requests = regionBytes / FILL.requestBytes();
        observe(
                run,
                ended,
                ended::isDone,
                () -> "filling: " + 100 * run.completed() / requests + " %");
        finish(run, ended);
        filled = true;
        return (clock.nanoTime() - start) / 1e9;
    }

    /**
     * Reads and, if the region was filled, writes, at the same time.
     *
     * @return the seconds of load
     */
    double warmUp(Duration time) throws InterruptedException {
        if (time.isZero()) {
            return 0;
        }
        LoadRun reads = run(WARM_UP_READ);
        Optional<LoadRun> writes = filled ? Optional.of(run(WARM_UP_WRITE)) : Optional.empty();
        CompletableFuture<Void> reading = reads.start();
        Optional<CompletableFuture<Void>> writing = writes.map(LoadRun::start);
        long start = clock.nanoTime();
        observe(reads, reading, after(start, time), () -> "warming up" + secondsLeft(start, time));
        finish(reads, reading);
        if (writes.isPresent()) {
            finish(writes.get(), writing.orElseThrow());
        }
        return (clock.nanoTime() - start) / 1e9;
    }

    /** Runs the job for that time. */
    JobResult measure(LoadJob job, Duration time, Limits limits) throws InterruptedException {
        LoadRun run = run(job);
        CompletableFuture<Void> ended = run.start();
        long rampStart = clock.nanoTime();
        observe(run, ended, after(rampStart, RAMP), () -> job.name());
        OptionalLong cpuBefore = processes.cpuMicros();
        OptionalLong ownCpuBefore = processes.ownCpuMicros();
        long completedBefore = run.completed();
        long start = clock.nanoTime();
        run.measure();
        observe(
                run,
                ended,
                after(start, time),
                () -> job.name() + secondsLeft(start, time) + rate(run, start));
        long nanos = clock.nanoTime() - start;
        OptionalLong cpuAfter = processes.cpuMicros();
        OptionalLong ownCpuAfter = processes.ownCpuMicros();
        long requests = run.completed() - completedBefore;
        finish(run, ended);
        double seconds = nanos / 1e9;
        double iops = requests / seconds;
        return new JobResult(
                job.name(),
                requests,
                seconds,
                iops,
                iops * job.requestBytes() / (1 << 20),
                latency(run.latencies()),
                perRequest(cpuBefore, cpuAfter, requests),
                perRequest(ownCpuBefore, ownCpuAfter, requests).orElse(0.0),
                limits.of(job, iops));
    }

    private LoadRun run(LoadJob job) {
        return new LoadRun(job, target, blocks, filled, regionBytes, ++seed, clock::nanoTime);
    }

    private BooleanSupplier after(long startNanos, Duration time) {
        return () -> clock.nanoTime() - startNanos >= time.toNanos();
    }

    private String secondsLeft(long startNanos, Duration time) {
        long left = time.toNanos() - (clock.nanoTime() - startNanos);
        return ", " + Math.max(0, (left + 999_999_999) / 1_000_000_000) + " s left";
    }

    private String rate(LoadRun run, long startNanos) {
        double seconds = Math.max(0.2, (clock.nanoTime() - startNanos) / 1e9);
        return ", " + Math.round(run.measured() / seconds) + " per second";
    }

    /** Looks until it is over; fails when a request did, or when no reply comes for long. */
    private void observe(
            LoadRun run,
            CompletableFuture<Void> ended,
            BooleanSupplier over,
            java.util.function.Supplier<String> wording)
            throws InterruptedException {
        long seen = run.completed();
        long seenNanos = clock.nanoTime();
        while (!over.getAsBoolean() && !ended.isCompletedExceptionally()) {
            progress.show(wording.get());
            clock.pause(LOOK_INTERVAL);
            long now = clock.nanoTime();
            if (run.completed() != seen) {
                seen = run.completed();
                seenNanos = now;
            } else if (now - seenNanos > NO_REPLY_LIMIT_SECONDS * 1_000_000_000) {
                run.stop();
                throw new MirachException(
                                ErrorCode.TIMEOUT,
                                "no request was answered for " + NO_REPLY_LIMIT_SECONDS + " s")
                        .withRemedy("see 'mirach status'");
            }
        }
    }

    private static void finish(LoadRun run, CompletableFuture<Void> ended) {
        run.stop();
        Waiting.get(ended, NO_REPLY_LIMIT_SECONDS, "the volume");
    }

    static Latency latency(Histogram nanos) {
        return new Latency(
                nanos.getTotalCount() == 0 ? 0 : nanos.getMean() / 1e3,
                nanos.getValueAtPercentile(50) / 1e3,
                nanos.getValueAtPercentile(99) / 1e3,
                nanos.getValueAtPercentile(99.9) / 1e3,
                nanos.getMaxValue() / 1e3);
    }

    private static Optional<Double> perRequest(
            OptionalLong before, OptionalLong after, long requests) {
        return before.isPresent() && after.isPresent() && requests > 0
                ? Optional.of((double) (after.getAsLong() - before.getAsLong()) / requests)
                : Optional.empty();
    }
}
