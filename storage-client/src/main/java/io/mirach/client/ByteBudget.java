package io.mirach.client;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Shares a number of bytes among those who have something to send, first come first served: nobody
 * overtakes a large part by being small. Thread-safe; the lock is held for a few instructions and
 * never while a waiter runs.
 */
final class ByteBudget {
    private record Waiter(long bytes, Runnable granted) {}

    private final long limitBytes;
    private final Deque<Waiter> waiters = new ArrayDeque<>();
    private long usedBytes;
    private boolean draining;

    ByteBudget(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /**
     * Runs {@code granted} once the bytes are reserved: now, or later on a thread that releases
     * some. It must not throw.
     */
    void acquire(long bytes, Runnable granted) {
        if (bytes > limitBytes) {
            throw new IllegalArgumentException(bytes + " bytes of " + limitBytes);
        }
        synchronized (this) {
            if (!waiters.isEmpty() || usedBytes + bytes > limitBytes) {
                waiters.add(new Waiter(bytes, granted));
                return;
            }
            usedBytes += bytes;
        }
        granted.run();
    }

    void release(long bytes) {
        synchronized (this) {
            usedBytes -= bytes;
            // A waiter that is run may release in its turn: the loop below then goes on, instead of
            // nesting once for each waiter.
            if (draining) {
                return;
            }
            draining = true;
        }
        for (Runnable next = next(); next != null; next = next()) {
            next.run();
        }
    }

    private synchronized Runnable next() {
        Waiter first = waiters.peek();
        if (first == null || usedBytes + first.bytes() > limitBytes) {
            draining = false;
            return null;
        }
        usedBytes += first.bytes();
        return waiters.remove().granted();
    }

    synchronized long usedBytes() {
        return usedBytes;
    }
}
