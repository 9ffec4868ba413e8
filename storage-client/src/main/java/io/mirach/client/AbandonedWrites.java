package io.mirach.client;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Writes whose caller was told TIMEOUT while their outcome is still unknown. One of them may take
 * effect at any moment until it has settled, so a later write to the same bytes waits for that:
 * else it could be acknowledged and then be overwritten by the older one. Thread-safe.
 */
final class AbandonedWrites {
    private record Range(long offsetBytes, long endBytes, CompletableFuture<Void> settled) {}

    // Nearly always empty.
    private final List<Range> ranges = new CopyOnWriteArrayList<>();

    /**
     * @param settled completes when nothing of the write is on its way any more
     */
    void add(long offsetBytes, long endBytes, CompletableFuture<Void> settled) {
        Range range = new Range(offsetBytes, endBytes, settled);
        ranges.add(range);
        settled.whenComplete((ok, failure) -> ranges.remove(range));
    }

    /** Completes, always normally, when no abandoned write to these bytes is left. */
    CompletableFuture<Void> clear(long offsetBytes, long endBytes) {
        CompletableFuture<?>[] overlapping =
                ranges.stream()
                        .filter(r -> r.offsetBytes() < endBytes && offsetBytes < r.endBytes())
                        .map(r -> r.settled().exceptionally(failure -> null))
                        .toArray(CompletableFuture<?>[]::new);
        return CompletableFuture.allOf(overlapping);
    }

    boolean isEmpty() {
        return ranges.isEmpty();
    }
}
