package io.mirach.server.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.cluster.ClusterDelta;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.MapUpdate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest cluster map that this node knows, and everyone who waits for a newer one. Thread-safe;
 * never blocks. Listeners and those who wait are served on the map thread.
 */
public final class ClusterMap {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterMap.class);
    // Older ones are answered with the whole map. They share what did not change.
    private static final int IMAGES_KEPT = 64;
    private static final int MAX_WAITERS = 16_384;
    private static final int MAX_WAIT_MS = 60_000;

    private record Waiter(Predicate<ClusterImage> holds, CompletableFuture<ClusterImage> future) {}

    private final ScheduledExecutorService thread;
    private volatile ClusterImage image;
    // Confined to the map thread: what listeners have been told of.
    private ClusterImage served;

    // Guarded by this.
    private final Deque<ClusterImage> recent = new ArrayDeque<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private final List<Consumer<ClusterImage>> listeners = new ArrayList<>();

    /**
     * @param known what is known at start: version 0 names the meta group's members only
     * @param thread the map thread; one thread, not closed here
     */
    public ClusterMap(ClusterImage known, ScheduledExecutorService thread) {
        this.image = known;
        this.served = known;
        this.thread = thread;
        recent.add(known);
    }

    /** The newest map. */
    public ClusterImage image() {
        return image;
    }

    /** Takes a map if it is newer than what is known. */
    public synchronized void publish(ClusterImage newer) {
        if (newer.version() <= image.version()) {
            return;
        }
        image = newer;
        recent.addLast(newer);
        if (recent.size() > IMAGES_KEPT) {
            recent.removeFirst();
        }
        try {
            // Under the lock, so that the map thread meets the versions in order.
            thread.execute(() -> serve(newer));
        } catch (RejectedExecutionException closing) {
            LOG.debug("map version {} comes at the end", newer.version());
        }
    }

    private void serve(ClusterImage newer) {
        served = newer;
        List<Waiter> satisfied = new ArrayList<>();
        List<Consumer<ClusterImage>> told;
        ClusterImage current;
        synchronized (this) {
            told = List.copyOf(listeners);
            // Not the one that is being served: whoever began to wait since that was published has
            // seen a later one, and must not be shown the past.
            current = image;
            for (Iterator<Waiter> each = waiters.iterator(); each.hasNext(); ) {
                Waiter waiter = each.next();
                if (waiter.future().isDone() || waiter.holds().test(current)) {
                    each.remove();
                    satisfied.add(waiter);
                }
            }
        }
        for (Consumer<ClusterImage> listener : told) {
            tell(listener, newer);
        }
        satisfied.forEach(waiter -> waiter.future().complete(current));
    }

    private static void tell(Consumer<ClusterImage> listener, ClusterImage newer) {
        try {
            listener.accept(newer);
        } catch (RuntimeException e) {
            LOG.error("a listener failed at cluster map version {}", newer.version(), e);
        }
    }

    /** Calls {@code listener} with the current map and each newer one, on the map thread. */
    public void onImage(Consumer<ClusterImage> listener) {
        thread.execute(
                () -> {
                    synchronized (this) {
                        listeners.add(listener);
                    }
                    tell(listener, served);
                });
    }

    /**
     * Completes with the first map that {@code holds} is true of; fails with TIMEOUT, and with
     * BACK_PRESSURED when too many wait.
     *
     * @param holds quick and pure
     */
    public CompletableFuture<ClusterImage> await(Predicate<ClusterImage> holds, long timeoutMs) {
        CompletableFuture<ClusterImage> future = new CompletableFuture<>();
        synchronized (this) {
            if (holds.test(image)) {
                return CompletableFuture.completedFuture(image);
            }
            if (waiters.size() >= MAX_WAITERS) {
                return CompletableFuture.failedFuture(
                        new MirachException(
                                ErrorCode.BACK_PRESSURED,
                                MAX_WAITERS + " requests wait for the cluster map already"));
            }
            waiters.add(new Waiter(holds, future));
        }
        try {
            var timer =
                    thread.schedule(
                            () -> timeOut(future, timeoutMs), timeoutMs, TimeUnit.MILLISECONDS);
            future.whenComplete((done, failure) -> timer.cancel(false));
        } catch (RejectedExecutionException closing) {
            forget(future);
            future.completeExceptionally(
                    new MirachException(ErrorCode.SHUTTING_DOWN, "this node is stopping"));
        }
        return future;
    }

    private void timeOut(CompletableFuture<ClusterImage> future, long timeoutMs) {
        forget(future);
        future.completeExceptionally(
                new MirachException(
                        ErrorCode.TIMEOUT,
                        "the cluster map did not change as awaited within " + timeoutMs + " ms"));
    }

    private synchronized void forget(CompletableFuture<ClusterImage> future) {
        waiters.removeIf(waiter -> waiter.future() == future);
    }

    /** Answers a long poll: with what is newer, or after the wait with nothing. */
    public CompletableFuture<MapUpdate> poll(GetMap request) {
        long known = request.knownVersion();
        if (image.version() > known || request.waitMs() <= 0) {
            return CompletableFuture.completedFuture(updateFrom(known));
        }
        return await(newer -> newer.version() > known, Math.min(request.waitMs(), MAX_WAIT_MS))
                .handle(
                        (newer, failure) -> {
                            if (failure instanceof MirachException e
                                    && e.code() == ErrorCode.BACK_PRESSURED) {
                                throw e;
                            }
                            return updateFrom(known);
                        });
    }

    private synchronized MapUpdate updateFrom(long known) {
        ClusterImage current = image;
        if (current.version() <= known || current.version() == 0) {
            return new MapUpdate(current.version(), Optional.empty(), Optional.empty());
        }
        for (ClusterImage base : recent) {
            if (base.version() == known && known > 0) {
                return new MapUpdate(
                        current.version(),
                        Optional.empty(),
                        Optional.of(ClusterDelta.between(base, current)));
            }
        }
        return new MapUpdate(current.version(), Optional.of(current), Optional.empty());
    }
}
