package io.mirach.raft.ratis;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Time and the one thread of the read leases; tests give their own. */
interface LeaseTimer extends Executor, AutoCloseable {
    /** The monotonic clock, in nanoseconds; compare by difference only. */
    long nanoTime();

    /** The wall clock, in milliseconds: only to notice that the monotonic one stood still. */
    long wallTimeMs();

    /** Runs {@code task} on the lease thread after {@code delayNanos}. */
    void schedule(Runnable task, long delayNanos);

    @Override
    void close();

    /** The real thing. */
    static LeaseTimer system(String threadName) {
        ScheduledThreadPoolExecutor executor =
                new ScheduledThreadPoolExecutor(1, task -> daemon(task, threadName));
        executor.setRemoveOnCancelPolicy(true);
        executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        return new LeaseTimer() {
            @Override
            public long nanoTime() {
                return System.nanoTime();
            }

            @Override
            public long wallTimeMs() {
                return System.currentTimeMillis();
            }

            @Override
            public void execute(Runnable task) {
                try {
                    executor.execute(task);
                } catch (RejectedExecutionException e) {
                    // Closed: the host has failed, or will fail, whatever this would have done.
                    return;
                }
            }

            @Override
            public void schedule(Runnable task, long delayNanos) {
                try {
                    executor.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
                } catch (RejectedExecutionException e) {
                    return;
                }
            }

            @Override
            public void close() {
                executor.shutdown();
            }
        };
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }
}
