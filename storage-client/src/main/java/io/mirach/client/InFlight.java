package io.mirach.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Knows when everything that had begun before some moment has ended, at a cost that does not depend
 * on how much that is. Thread-safe.
 */
final class InFlight {
    /** What began between two barriers. */
    static final class Generation {
        private int count;
        // The barrier behind it; none while it is the newest.
        private CompletableFuture<Void> barrier;
    }

    // Oldest first; only the last has no barrier.
    private final Deque<Generation> generations = new ArrayDeque<>(List.of(new Generation()));

    /** Something begins; hand the result to {@link #end} exactly once. */
    synchronized Generation begin() {
        Generation current = generations.getLast();
        current.count++;
        return current;
    }

    void end(Generation generation) {
        List<CompletableFuture<Void>> reached = new ArrayList<>(1);
        synchronized (this) {
            generation.count--;
            while (generations.getFirst().count == 0 && generations.getFirst().barrier != null) {
                reached.add(generations.removeFirst().barrier);
            }
        }
        reached.forEach(barrier -> barrier.complete(null));
    }

    /** Completes, on the thread of the last {@link #end}, once all that has begun so far ended. */
    synchronized CompletableFuture<Void> barrier() {
        Generation current = generations.getLast();
        if (current.count == 0) {
            if (generations.size() == 1) {
                return CompletableFuture.completedFuture(null);
            }
            // Nothing new since the last barrier: the same moment.
            generations.removeLast();
            CompletableFuture<Void> last = generations.getLast().barrier;
            generations.addLast(current);
            return last.copy();
        }
        current.barrier = new CompletableFuture<>();
        generations.addLast(new Generation());
        return current.barrier;
    }
}
