package io.mirach.server.transport;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What the requests of all of a node's connections hold in memory, and what their replies do until
 * they are sent. One connection may take half of it, so that a peer that does not take its replies
 * leaves room for others. Thread-safe.
 */
final class RequestMemory {
    private final long maxBytes;
    private final AtomicLong bytes = new AtomicLong();

    RequestMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * @param change may be negative
     */
    void add(long change) {
        bytes.addAndGet(change);
    }

    /**
     * Whether a request that was {@link #add}ed may be worked on.
     *
     * @param ofConnection what its connection holds, with this request
     * @param ofRequest what it takes itself: one alone is always admitted
     */
    boolean admits(long ofConnection, long ofRequest) {
        long all = bytes.get();
        return all <= maxBytes && ofConnection <= maxBytes / 2 || all <= ofRequest;
    }

    long bytes() {
        return bytes.get();
    }
}
