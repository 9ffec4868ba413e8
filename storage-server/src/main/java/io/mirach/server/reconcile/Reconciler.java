package io.mirach.server.reconcile;

import io.mirach.server.placement.Step;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the cluster to what its map says, on the meta leader only. It plans anew whenever the map
 * changes and on a slow tick, which also takes up again what failed. Confined to its thread, but
 * for {@link #start} and {@link #wake}.
 */
public final class Reconciler {
    private static final Logger LOG = LoggerFactory.getLogger(Reconciler.class);
    private static final Duration TICK = Duration.ofSeconds(1);

    private final Supplier<CompletableFuture<Void>> ready;
    private final Supplier<List<Step>> plan;
    private final StepRunner runner;
    private final ScheduledExecutorService thread;

    private final Set<String> underWay = new HashSet<>();
    // What a step failed with last, so that it is told once.
    private final Map<String, String> failures = new HashMap<>();
    private boolean planning;
    private boolean planAgain;

    /**
     * @param ready completes when this node leads and its map is complete; fails elsewhere
     * @param plan what is to be done
     * @param thread one thread, not closed here
     */
    public Reconciler(
            Supplier<CompletableFuture<Void>> ready,
            Supplier<List<Step>> plan,
            StepRunner runner,
            ScheduledExecutorService thread) {
        this.ready = ready;
        this.plan = plan;
        this.runner = runner;
        this.thread = thread;
    }

    /** Begins to tick; ends with the thread. */
    public void start() {
        thread.scheduleWithFixedDelay(
                this::tick, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** The map has changed, or the leader. */
    public void wake() {
        execute(this::begin);
    }

    private void execute(Runnable task) {
        try {
            thread.execute(task);
        } catch (RejectedExecutionException closing) {
            LOG.debug("the reconciler ends");
        }
    }

    private void tick() {
        begin();
    }

    private void begin() {
        if (planning) {
            planAgain = true;
            return;
        }
        planning = true;
        CompletableFuture<Void> allowed;
        try {
            allowed = ready.get();
        } catch (RuntimeException e) {
            allowed = CompletableFuture.failedFuture(e);
        }
        allowed.whenComplete((leads, failure) -> execute(() -> planned(failure)));
    }

    private void planned(Throwable notLeading) {
        planning = false;
        boolean again = planAgain;
        planAgain = false;
        if (notLeading != null) {
            failures.clear();
            return;
        }
        try {
            plan.get().forEach(this::take);
        } catch (RuntimeException e) {
            LOG.error("cannot plan", e);
        }
        if (again) {
            begin();
        }
    }

    private void take(Step step) {
        if (!underWay.add(step.subject())) {
            return;
        }
        CompletableFuture<Void> done;
        try {
            done = runner.run(step);
        } catch (RuntimeException e) {
            done = CompletableFuture.failedFuture(e);
        }
        done.whenComplete((ok, failure) -> execute(() -> taken(step, failure)));
    }

    private void taken(Step step, Throwable failure) {
        underWay.remove(step.subject());
        if (failure == null) {
            failures.remove(step.key());
            LOG.info("done: {}", step.key());
            return;
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        String why = String.valueOf(cause);
        if (!why.equals(failures.put(step.key(), why))) {
            LOG.warn("not done, tried again: {}: {}", step.key(), why);
        }
    }
}
