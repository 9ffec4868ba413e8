package io.mirach.client;

import io.mirach.protocol.data.WriteIdentity;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.function.LongConsumer;

/**
 * The sequence numbers of one slot under one attachment: they start at 1, and at most {@link
 * WriteIdentity#WINDOW} lie between the lowest one that is not finished and the next one. Who finds
 * no place waits in line. Thread-safe; the lock is held for a few instructions and never while a
 * waiter runs.
 */
final class SlotWindow {
    // Bit (sequence mod WINDOW): finished, for sequences from lowest to next.
    private final BitSet finished = new BitSet(WriteIdentity.WINDOW);
    private final Deque<LongConsumer> waiters = new ArrayDeque<>();
    private long lowest = 1;
    private long next = 1;
    private boolean draining;

    /**
     * Gives out the next number: now, or later on a thread that finishes one. {@code granted} must
     * not throw.
     */
    void acquire(LongConsumer granted) {
        long sequence;
        synchronized (this) {
            if (!waiters.isEmpty() || next - lowest >= WriteIdentity.WINDOW) {
                waiters.add(granted);
                return;
            }
            sequence = next++;
        }
        granted.accept(sequence);
    }

    /**
     * The outcome of this number is known to the writer: acknowledged, or refused without effect. A
     * number whose outcome is unknown must not be finished: once the window has moved on, a copy
     * that is still on its way could no longer be told from a new write's.
     */
    void finish(long sequence) {
        synchronized (this) {
            finished.set(index(sequence));
            while (lowest < next && finished.get(index(lowest))) {
                finished.clear(index(lowest));
                lowest++;
            }
            if (draining) {
                return;
            }
            draining = true;
        }
        while (grantOne()) {
            // One after the other, instead of nesting.
        }
    }

    private boolean grantOne() {
        LongConsumer granted;
        long sequence;
        synchronized (this) {
            if (waiters.isEmpty() || next - lowest >= WriteIdentity.WINDOW) {
                draining = false;
                return false;
            }
            granted = waiters.remove();
            sequence = next++;
        }
        granted.accept(sequence);
        return true;
    }

    /** All numbers below it are finished. */
    synchronized long lowestUnacknowledged() {
        return lowest;
    }

    private static int index(long sequence) {
        return (int) (sequence & (WriteIdentity.WINDOW - 1));
    }
}
