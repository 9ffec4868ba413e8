package io.mirach.nbd;

import java.util.concurrent.atomic.AtomicReference;

/**
 * Requests on their way from the threads that completed them to the session's event loop. Whoever
 * adds to an empty collection wakes the loop, so that requests which finish close together cost one
 * hop and one flush. Thread-safe.
 */
final class FinishedRequests {
    private final AtomicReference<Request> newest = new AtomicReference<>();

    /** Returns whether the collection was empty: then the loop must be told. */
    boolean add(Request request) {
        while (true) {
            Request previous = newest.get();
            request.next = previous;
            if (newest.compareAndSet(previous, request)) {
                return previous == null;
            }
        }
    }

    /** Takes all, linked by {@link Request#next}, oldest first; null if there are none. */
    Request takeAll() {
        Request request = newest.getAndSet(null);
        Request oldestFirst = null;
        while (request != null) {
            Request older = request.next;
            request.next = oldestFirst;
            oldestFirst = request;
            request = older;
        }
        return oldestFirst;
    }
}
