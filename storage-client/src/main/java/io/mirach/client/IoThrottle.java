package io.mirach.client;

import io.mirach.model.IoLimits;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.LongSupplier;

/**
 * Has the requests of a volume wait until its limits allow them. Reads and writes wait apart, each
 * in the order in which they came. Nothing of a request has happened before it is let go.
 * Thread-safe; never blocks.
 *
 * <p>Each limit is a leaky bucket in its form as a virtual schedule (ITU-T I.371, the generic cell
 * rate algorithm): a bucket knows when all that it let go would be through at exactly its rate, and
 * lets the next go when that is no more than the burst ahead. So a request is never cut, and a
 * large one makes those behind it wait for what it took.
 */
final class IoThrottle {
    /** Runs something later, once. */
    interface Timer {
        void schedule(Runnable task, long delayNanos);
    }

    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final long NANOS_PER_MS = 1_000_000L;

    private final Timer timer;
    private final LongSupplier nanoClock;
    private final Lane reads = new Lane();
    private final Lane writes = new Lane();
    // Nearly always: then nothing is locked.
    private volatile boolean open = true;
    private boolean lifted; // Guarded by this.

    IoThrottle(Timer timer, LongSupplier nanoClock) {
        this.timer = timer;
        this.nanoClock = nanoClock;
    }

    /** From now on, also for what waits. The same limits again change nothing. */
    void limit(IoLimits limits) {
        limit(limits, false);
    }

    private void limit(IoLimits limits, boolean forGood) {
        List<Runnable> ready;
        synchronized (this) {
            if (lifted) {
                return;
            }
            lifted = forGood;
            reads.limit(limits.readIops(), limits.readBytesPerSecond(), limits.burstMs());
            writes.limit(limits.writeIops(), limits.writeBytesPerSecond(), limits.burstMs());
            ready = new ArrayList<>();
            reads.letGo(ready);
            writes.letGo(ready);
            open = limits.none();
        }
        ready.forEach(Runnable::run);
    }

    /** Lets all go that waits and that comes, for good: the volume is given back. */
    void lift() {
        limit(IoLimits.NONE, true);
    }

    /** Runs {@code go} when a read of so many bytes may go: at once, or later on the timer. */
    void read(long bytes, Runnable go) {
        pass(reads, bytes, go);
    }

    /** Runs {@code go} when a write that carries so many bytes may go, like {@link #read}. */
    void write(long bytes, Runnable go) {
        pass(writes, bytes, go);
    }

    private void pass(Lane lane, long bytes, Runnable go) {
        if (open) {
            go.run();
            return;
        }
        List<Runnable> ready = new ArrayList<>();
        synchronized (this) {
            lane.waiting.add(new Waiting(bytes, go));
            lane.letGo(ready);
        }
        ready.forEach(Runnable::run);
    }

    private record Waiting(long bytes, Runnable go) {}

    /** Guarded by the throttle. */
    private final class Lane {
        private final Queue<Waiting> waiting = new ArrayDeque<>();
        private final Bucket requests = new Bucket();
        private final Bucket bytes = new Bucket();
        private boolean timed;
        private long timedForNanos;

        void limit(long requestsPerSecond, long bytesPerSecond, int burstMs) {
            long now = nanoClock.getAsLong();
            requests.limit(requestsPerSecond, burstMs * NANOS_PER_MS, now);
            bytes.limit(bytesPerSecond, burstMs * NANOS_PER_MS, now);
        }

        void letGo(List<Runnable> ready) {
            long now = nanoClock.getAsLong();
            while (!waiting.isEmpty()) {
                long delayNanos = Math.max(requests.delayNanos(now), bytes.delayNanos(now));
                if (delayNanos > 0) {
                    await(now + delayNanos, now);
                    return;
                }
                Waiting next = waiting.remove();
                requests.charge(1, now);
                bytes.charge(next.bytes(), now);
                ready.add(next.go());
            }
        }

        private void await(long dueNanos, long now) {
            // A change may have made it earlier than what is timed.
            if (!timed || dueNanos - timedForNanos < 0) {
                timed = true;
                timedForNanos = dueNanos;
                timer.schedule(() -> onTime(dueNanos), dueNanos - now);
            }
        }

        private void onTime(long dueNanos) {
            List<Runnable> ready = new ArrayList<>();
            synchronized (IoThrottle.this) {
                if (dueNanos == timedForNanos) {
                    timed = false;
                }
                letGo(ready);
            }
            ready.forEach(Runnable::run);
        }
    }

    private static final class Bucket {
        private long perSecond;
        private long burstNanos;
        // When what was let go would be through at exactly this rate.
        private long throughNanos;

        void limit(long newPerSecond, long newBurstNanos, long now) {
            if (newPerSecond != perSecond || newBurstNanos != burstNanos) {
                perSecond = newPerSecond;
                burstNanos = newBurstNanos;
                // Nothing is saved up, and nothing owed.
                throughNanos = now + newBurstNanos;
            }
        }

        long delayNanos(long now) {
            return perSecond == 0 ? 0 : throughNanos - burstNanos - now;
        }

        void charge(long amount, long now) {
            if (perSecond > 0) {
                long costNanos = (long) ((double) amount * NANOS_PER_SECOND / perSecond);
                throughNanos = (throughNanos - now > 0 ? throughNanos : now) + costNanos;
            }
        }
    }
}
