package io.mirach.ops.chaos;

import java.util.TreeSet;

/** A direct client's sequence numbers in one slot. Thread-safe. */
final class SlotSequences {
    // Guarded by this.
    private final TreeSet<Long> unacknowledged = new TreeSet<>();
    private long last;

    synchronized long next() {
        unacknowledged.add(++last);
        return last;
    }

    synchronized long lowestUnacknowledged() {
        return unacknowledged.isEmpty() ? last + 1 : unacknowledged.first();
    }

    synchronized void acknowledged(long sequence) {
        unacknowledged.remove(sequence);
    }
}
