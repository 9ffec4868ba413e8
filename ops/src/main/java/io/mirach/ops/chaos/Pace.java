package io.mirach.ops.chaos;

import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** Runs things a little later, on one daemon thread. Thread-safe. */
final class Pace implements AutoCloseable {
    private final ScheduledThreadPoolExecutor timer;
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();

    Pace(String name) {
        timer =
                new ScheduledThreadPoolExecutor(
                        1,
                        task -> {
                            Thread thread = new Thread(task, name);
                            thread.setDaemon(true);
                            return thread;
                        });
        timer.setRemoveOnCancelPolicy(true);
    }

    /** Nothing happens once this is closed. */
    void after(long delayMs, Runnable task) {
        try {
            timer.schedule(() -> guarded(task), delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // Closed: the run is over.
        }
    }

    private void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
        }
    }

    /** The first failure of a task: a mistake of this program. */
    Optional<RuntimeException> failure() {
        return Optional.ofNullable(failure.get());
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
