package io.mirach.nbd;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Bytes that all sessions of a server share. Grants in the order asked, so that a large request is
 * not starved by small ones. Thread-safe; never blocks.
 */
public final class MemoryBudget {
    /** A wish for bytes, granted at once or later. */
    static final class Wish {
        private final long bytes;
        private final Runnable onGranted;
        private boolean granted;
        private boolean cancelled;

        private Wish(long bytes, Runnable onGranted) {
            this.bytes = bytes;
            this.onGranted = onGranted;
        }
    }

    private final long totalBytes;
    private final ArrayDeque<Wish> waiting = new ArrayDeque<>();
    private long freeBytes;

    public MemoryBudget(long totalBytes) {
        this.totalBytes = totalBytes;
        this.freeBytes = totalBytes;
    }

    /** Takes the bytes if that is possible without overtaking a waiter. */
    synchronized boolean tryReserve(long bytes) {
        if (!waiting.isEmpty() || bytes > freeBytes) {
            return false;
        }
        freeBytes -= bytes;
        return true;
    }

    /**
     * Queues for the bytes.
     *
     * @param bytes at most the total
     * @param onGranted called once, on any thread, perhaps before this returns; must not block
     */
    Wish reserve(long bytes, Runnable onGranted) {
        if (bytes > totalBytes) {
            throw new IllegalArgumentException(bytes + " bytes of " + totalBytes);
        }
        Wish wish = new Wish(bytes, onGranted);
        List<Wish> grants;
        synchronized (this) {
            waiting.add(wish);
            grants = grantWhatFits();
        }
        grants.forEach(grant -> grant.onGranted.run());
        return wish;
    }

    /** Withdraws a wish, giving the bytes back if they were granted already. */
    void cancel(Wish wish) {
        List<Wish> grants;
        synchronized (this) {
            if (wish.cancelled) {
                return;
            }
            wish.cancelled = true;
            if (wish.granted) {
                freeBytes += wish.bytes;
            } else {
                waiting.remove(wish);
            }
            grants = grantWhatFits();
        }
        grants.forEach(grant -> grant.onGranted.run());
    }

    void release(long bytes) {
        List<Wish> grants;
        synchronized (this) {
            freeBytes += bytes;
            if (freeBytes > totalBytes) {
                throw new IllegalStateException("released more than was reserved");
            }
            grants = grantWhatFits();
        }
        grants.forEach(grant -> grant.onGranted.run());
    }

    /** Whether anyone waits. */
    synchronized boolean contended() {
        return !waiting.isEmpty();
    }

    synchronized long freeBytes() {
        return freeBytes;
    }

    private List<Wish> grantWhatFits() {
        if (waiting.isEmpty() || waiting.peek().bytes > freeBytes) {
            return List.of();
        }
        List<Wish> grants = new ArrayList<>();
        while (!waiting.isEmpty() && waiting.peek().bytes <= freeBytes) {
            Wish wish = waiting.poll();
            wish.granted = true;
            freeBytes -= wish.bytes;
            grants.add(wish);
        }
        return grants;
    }
}
