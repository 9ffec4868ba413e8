package io.mirach.server.chunk;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** The threads that read from the stores, behind a bounded queue. Thread-safe. */
final class ReaderThreads implements AutoCloseable {
    /** A task that can be told that it will not run. */
    private static final class Task<R> implements Runnable {
        private final Supplier<R> work;
        private final CompletableFuture<R> result = new CompletableFuture<>();

        Task(Supplier<R> work) {
            this.work = work;
        }

        @Override
        public void run() {
            try {
                result.complete(work.get());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        }

        void refuse(ErrorCode code, String detail) {
            result.completeExceptionally(new MirachException(code, detail));
        }
    }

    private final ThreadPoolExecutor executor;

    ReaderThreads(int threads, int maxQueued) {
        AtomicInteger number = new AtomicInteger();
        this.executor =
                new ThreadPoolExecutor(
                        threads,
                        threads,
                        0,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(maxQueued),
                        task -> {
                            Thread thread =
                                    new Thread(task, "chunk-reader-" + number.incrementAndGet());
                            thread.setDaemon(true);
                            return thread;
                        },
                        (refused, full) -> {
                            if (full.isShutdown()) {
                                ((Task<?>) refused)
                                        .refuse(ErrorCode.SHUTTING_DOWN, "this node is stopping");
                            } else {
                                ((Task<?>) refused)
                                        .refuse(
                                                ErrorCode.BACK_PRESSURED,
                                                maxQueued + " reads wait already");
                            }
                        });
    }

    /** Runs {@code work} on a reader thread; fails with BACK_PRESSURED if too many wait. */
    <R> CompletableFuture<R> submit(Supplier<R> work) {
        Task<R> task = new Task<>(work);
        executor.execute(task);
        return task.result;
    }

    /** Ends the threads once they are done with what they do; what waits fails. */
    @Override
    public void close() {
        for (Runnable waiting : executor.shutdownNow()) {
            ((Task<?>) waiting).refuse(ErrorCode.SHUTTING_DOWN, "this node is stopping");
        }
    }
}
