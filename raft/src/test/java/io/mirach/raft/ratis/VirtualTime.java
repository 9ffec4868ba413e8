package io.mirach.raft.ratis;

import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;

/** Time that moves when a test says so. Tasks of all its clocks run on the test's thread. */
final class VirtualTime {
    private record Task(long atNanos, long order, Runnable action) {}

    private final PriorityQueue<Task> tasks =
            new PriorityQueue<>(
                    Comparator.comparingLong(Task::atNanos).thenComparingLong(Task::order));
    private long nowNanos;
    private long order;

    long nowNanos() {
        return nowNanos;
    }

    void after(long delayNanos, Runnable action) {
        tasks.add(new Task(nowNanos + Math.max(0, delayNanos), order++, action));
    }

    /** Runs what is due now. */
    void settle() {
        advance(Duration.ZERO);
    }

    void advance(Duration duration) {
        long until = nowNanos + duration.toNanos();
        while (!tasks.isEmpty() && tasks.peek().atNanos <= until) {
            Task next = tasks.poll();
            nowNanos = Math.max(nowNanos, next.atNanos);
            next.action.run();
        }
        nowNanos = until;
    }

    /** One machine's clocks: its monotonic clock runs {@code rate} times as fast as real time. */
    final class Clock implements LeaseTimer {
        private final double rate;
        // Far from zero and soon to overflow: only differences may be used.
        private final long originNanos = Long.MAX_VALUE - Duration.ofMillis(700).toNanos();
        private long wallStepMs;

        Clock(double rate) {
            this.rate = rate;
        }

        void stepWallClock(long ms) {
            wallStepMs += ms;
        }

        @Override
        public long nanoTime() {
            return originNanos + (long) (nowNanos * rate);
        }

        @Override
        public long wallTimeMs() {
            return 1_700_000_000_000L + (long) (nowNanos * rate / 1e6) + wallStepMs;
        }

        @Override
        public void execute(Runnable task) {
            after(0, task);
        }

        @Override
        public void schedule(Runnable task, long delayNanos) {
            after((long) Math.ceil(delayNanos / rate), task);
        }

        @Override
        public void close() {}
    }
}
