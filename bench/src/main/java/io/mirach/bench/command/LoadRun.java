package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.EventLoop;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.HdrHistogram.Histogram;

/**
 * Keeps a job's requests outstanding until its time is over, or until the region was passed once.
 * Requests are sent from the completions of others, on the target's own thread, so that the load
 * costs no hand-off. {@link #start} and the counters are for any thread; all else is confined to
 * the target's loop.
 */
final class LoadRun {
    private static final long MAX_LATENCY_NANOS = 3_600_000_000_000L;

    private final LoadJob job;
    private final LoadTarget target;
    private final StampedBlocks blocks;
    private final boolean verified;
    private final long regionBytes;
    private final LongSupplier nanoTime;
    private final SplittableRandom random;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Histogram latencies = new Histogram(MAX_LATENCY_NANOS, 3);

    private long passes;
    private long nextSequential;
    private int outstanding;
    private boolean sending;
    private Optional<MirachException> failure = Optional.empty();
    private volatile boolean stopped;
    private volatile boolean measuring;
    private final LongAdder completed = new LongAdder();
    private final LongAdder measured = new LongAdder();

    /**
     * @param regionBytes from the start of the target, at least one request
     * @param verified whether reads must find stamped blocks
     */
    LoadRun(
            LoadJob job,
            LoadTarget target,
            StampedBlocks blocks,
            boolean verified,
            long regionBytes,
            long seed,
            LongSupplier nanoTime) {
        this.job = job;
        this.target = target;
        this.blocks = blocks;
        this.verified = verified;
        this.regionBytes = regionBytes;
        this.random = new SplittableRandom(seed);
        this.nanoTime = nanoTime;
    }

    /** Runs until {@link #stop}. The future fails with the first request that does. */
    CompletableFuture<Void> start() {
        return start(Long.MAX_VALUE);
    }

    /** Runs until the region was passed once; for sequential jobs. */
    CompletableFuture<Void> startOnePass() {
        return start(1);
    }

    private CompletableFuture<Void> start(long maxPasses) {
        passes = maxPasses;
        target.loop().execute(this::send);
        return ended;
    }

    /** Counts latencies from now on. */
    void measure() {
        measuring = true;
    }

    /** Sends nothing more; the future completes with the last reply. */
    void stop() {
        measuring = false;
        stopped = true;
        target.loop().execute(this::endIfDone);
    }

    /** Requests completed. */
    long completed() {
        return completed.sum();
    }

    /** Requests completed while measuring. */
    long measured() {
        return measured.sum();
    }

    /** Only after the end. */
    Histogram latencies() {
        return latencies;
    }

    private void send() {
        if (sending) {
            // A request that completed at once: the loop below goes on with the next.
            return;
        }
        sending = true;
        try {
            while (outstanding < job.depth() && maySend()) {
                outstanding++;
                sendOne(nextOffset());
            }
        } finally {
            sending = false;
        }
        endIfDone();
    }

    private boolean maySend() {
        return !stopped && failure.isEmpty() && passes > 0;
    }

    private long nextOffset() {
        if (job.random()) {
            return random.nextLong(regionBytes / job.requestBytes()) * job.requestBytes();
        }
        long offset = nextSequential;
        nextSequential += job.requestBytes();
        if (nextSequential + job.requestBytes() > regionBytes) {
            nextSequential = 0;
            passes--;
        }
        return offset;
    }

    private void sendOne(long offsetBytes) {
        int lengthBytes = job.requestBytes();
        if (job.write()) {
            ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(lengthBytes);
            blocks.fill(data, offsetBytes, lengthBytes, random);
            long sentNanos = nanoTime.getAsLong();
            target.write(offsetBytes, data)
                    .whenComplete((done, failed) -> replied(sentNanos, Optional.empty(), failed));
        } else {
            long sentNanos = nanoTime.getAsLong();
            target.read(offsetBytes, lengthBytes)
                    .whenComplete(
                            (data, failed) -> replied(sentNanos, wrong(data, offsetBytes), failed));
        }
    }

    /** What is wrong with the data of a read, which ends here. */
    private Optional<MirachException> wrong(ByteBuf data, long offsetBytes) {
        if (data == null) {
            return Optional.empty();
        }
        try {
            boolean right =
                    data.readableBytes() == job.requestBytes()
                            && (!verified || blocks.matches(data, offsetBytes));
            return right
                    ? Optional.empty()
                    : Optional.of(
                            new MirachException(
                                    ErrorCode.CHECKSUM_MISMATCH,
                                    "a read of "
                                            + job.requestBytes()
                                            + " bytes at "
                                            + offsetBytes
                                            + " did not return what was written there"));
        } finally {
            data.release();
        }
    }

    private void replied(long sentNanos, Optional<MirachException> wrong, Throwable failed) {
        long nanos = nanoTime.getAsLong() - sentNanos;
        EventLoop loop = target.loop();
        if (loop.inEventLoop()) {
            count(nanos, wrong, failed);
        } else {
            loop.execute(() -> count(nanos, wrong, failed));
        }
    }

    private void count(long nanos, Optional<MirachException> wrong, Throwable failed) {
        outstanding--;
        completed.increment();
        if (failed != null) {
            failure = failure.or(() -> Optional.of(Waiting.failure(failed)));
        } else if (wrong.isPresent()) {
            failure = failure.or(() -> wrong);
        } else if (measuring) {
            latencies.recordValue(Math.min(nanos, MAX_LATENCY_NANOS));
            measured.increment();
        }
        send();
    }

    private void endIfDone() {
        if (outstanding > 0 || maySend()) {
            return;
        }
        if (failure.isPresent()) {
            ended.completeExceptionally(failure.get());
        } else {
            ended.complete(null);
        }
    }
}
