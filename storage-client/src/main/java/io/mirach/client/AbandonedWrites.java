package io.mirach.client;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes whose caller was told TIMEOUT while their outcome is still unknown. One of them may take
 * effect at any moment until it has settled, so a later write to the same bytes waits for that:
 * else it could be acknowledged and then be overwritten by the older one. Their data stays in
 * memory until then, so there is a limit over all volumes of a client. Thread-safe.
 */
final class AbandonedWrites {
    /** Data of abandoned writes that one client holds; beyond it writes are refused. */
    static final long MAX_BYTES = 64 << 20;

    private record Range(long offsetBytes, long endBytes, CompletableFuture<Void> settled) {}

    // Of all volumes of the client.
    private final AtomicLong heldBytes;
    // Nearly always empty.
    private final List<Range> ranges = new CopyOnWriteArrayList<>();

    /**
     * @param heldBytes shared by all volumes of a client
     */
    AbandonedWrites(AtomicLong heldBytes) {
        this.heldBytes = heldBytes;
    }

    /**
     * @param dataBytes that the write holds until it has settled
     * @param settled completes when nothing of the write is on its way any more
     */
    void add(long offsetBytes, long endBytes, long dataBytes, CompletableFuture<Void> settled) {
        heldBytes.addAndGet(dataBytes);
        Range range = new Range(offsetBytes, endBytes, settled);
        ranges.add(range);
        settled.whenComplete(
                (ok, failure) -> {
                    ranges.remove(range);
                    heldBytes.addAndGet(-dataBytes);
                });
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

    /** Whether abandoned writes hold all the memory that they may. */
    boolean isFull() {
        return heldBytes.get() >= MAX_BYTES;
    }

    boolean isEmpty() {
        return ranges.isEmpty();
    }
}
