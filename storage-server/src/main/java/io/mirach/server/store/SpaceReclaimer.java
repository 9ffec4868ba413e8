package io.mirach.server.store;

import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives the space of deleted blocks back to the disk, on one thread per data dir, one task at a
 * time. Its queue is bounded by the number of column families: each has at most one task in it.
 */
final class SpaceReclaimer {
    private static final Logger LOG = LoggerFactory.getLogger(SpaceReclaimer.class);

    private final ExecutorService executor;

    SpaceReclaimer(Path dir) {
        this.executor =
                Executors.newSingleThreadExecutor(
                        task -> {
                            Thread thread = new Thread(task, "store-reclaim-" + dir.getFileName());
                            thread.setDaemon(true);
                            return thread;
                        });
    }

    /**
     * Runs {@code task} later. A failure is logged: what it should free is found again at start.
     */
    void submit(String what, Runnable task) {
        try {
            executor.execute(
                    () -> {
                        try {
                            task.run();
                        } catch (RuntimeException e) {
                            LOG.warn("cannot free space of {}; tried again at start", what, e);
                        }
                    });
        } catch (RejectedExecutionException e) {
            LOG.debug("stopping; space of {} is freed after the next start", what);
        }
    }

    /** Takes no further tasks and forgets those that wait. */
    void stop() {
        executor.shutdownNow();
    }

    /** Waits for the task under way. Column families must be closing, so that it is cut short. */
    void awaitEnd() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    if (executor.awaitTermination(1, TimeUnit.MINUTES)) {
                        return;
                    }
                    LOG.warn("still waiting for a compaction to end");
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
