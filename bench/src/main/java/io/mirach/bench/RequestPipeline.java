package io.mirach.bench;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Keeps a fixed number of requests outstanding. One thread submits; completions come on any. With
 * depth 1 {@link #submitted} returns when its own request is complete.
 */
final class RequestPipeline {
    private static final long REPLY_LIMIT_SECONDS = 60;

    private final int depth;
    // Requests that may go out before one must have completed.
    private final Semaphore free;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    RequestPipeline(int depth) {
        if (depth < 1) {
            throw new IllegalArgumentException("depth must be at least 1: " + depth);
        }
        this.depth = depth;
        this.free = new Semaphore(depth - 1);
    }

    /**
     * Counts a request that was just sent, and waits until fewer than the depth are outstanding.
     * Fails if any request has failed, or if none completes in a minute.
     */
    void submitted(CompletableFuture<?> request)
            throws InterruptedException, ExecutionException, TimeoutException {
        request.whenComplete(
                (reply, failed) -> {
                    if (failed != null) {
                        failure.compareAndSet(null, failed);
                    }
                    free.release();
                });
        await(1);
    }

    /** Waits until nothing is outstanding; fails as {@link #submitted} does. */
    void drain() throws InterruptedException, ExecutionException, TimeoutException {
        await(depth - 1);
        free.release(depth - 1);
    }

    private void await(int permits)
            throws InterruptedException, ExecutionException, TimeoutException {
        if (!free.tryAcquire(permits, REPLY_LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new TimeoutException("no reply in " + REPLY_LIMIT_SECONDS + " s");
        }
        Throwable failed = failure.get();
        if (failed != null) {
            throw new ExecutionException(failed);
        }
    }
}
