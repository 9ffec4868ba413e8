package io.mirach.ops.chaos;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A program that works on a disk, on a thread of its own, and lives again and again: each life
 * begins with what the one before left on the disk. Its methods may be called by any thread.
 */
abstract class RestartingProgram {
    private static final int LIMIT_SECONDS = 180;

    private final Thread thread;
    private final AtomicReference<CompletableFuture<Void>> ordered = new AtomicReference<>();
    // Why it does not go on; whoever asks later is told at once.
    private volatile Optional<Throwable> failure = Optional.empty();
    private volatile boolean closed;

    RestartingProgram(String name) {
        thread = new Thread(this::run, "chaos-" + name);
        thread.setDaemon(true);
    }

    /** One life. */
    final class Life {
        // Null in a life that nobody asked for.
        private final CompletableFuture<Void> audit = ordered.get();

        private Life() {}

        /** Everything from the life before was found to be right, and a write was acknowledged. */
        void confirmed() {
            if (audit != null) {
                audit.complete(null);
            }
        }

        /** Whether it need not end: the program is not closed, and nobody asks for a new life. */
        boolean goesOn() {
            return !closed && ordered.get() == audit;
        }
    }

    /**
     * Recovers what the life before left, judges it, and works as long as the life goes on, or
     * shorter.
     */
    abstract void live(Life life) throws InterruptedException;

    final void start() {
        thread.start();
    }

    private void run() {
        try {
            while (!closed) {
                live(new Life());
            }
        } catch (InterruptedException | RuntimeException e) {
            failure = Optional.of(e);
            Optional.ofNullable(ordered.get()).ifPresent(audit -> audit.completeExceptionally(e));
        }
    }

    /** Complete once a life that began later has confirmed. */
    private CompletableFuture<Void> audit() {
        CompletableFuture<Void> audit = new CompletableFuture<>();
        ordered.set(audit);
        failure.ifPresent(audit::completeExceptionally);
        return audit;
    }

    /** See {@link Workload#confirmAll}, of what these work on. */
    static void confirmAll(List<? extends RestartingProgram> programs) throws InterruptedException {
        List<CompletableFuture<Void>> audits =
                programs.stream().map(RestartingProgram::audit).toList();
        for (CompletableFuture<Void> audit : audits) {
            try {
                audit.get(LIMIT_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof PromiseBrokenException broken) {
                    throw broken;
                }
                throw new ChaosException("a program failed: " + e.getCause(), e.getCause());
            } catch (TimeoutException e) {
                throw new ChaosException("waited " + LIMIT_SECONDS + " s in vain for an audit", e);
            }
        }
    }

    /** Has the life end; does not wait for it. */
    final void close() {
        closed = true;
        thread.interrupt();
    }
}
