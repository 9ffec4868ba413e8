package io.mirach.cli;

import java.time.Duration;

/** Time that passes only when somebody waits. Confined to the test's thread. */
final class FakeClock implements CliClock {
    private long nanos = 1;

    /** Pauses left before the waiting thread is interrupted, as by Ctrl-C. */
    int pausesUntilInterrupt = Integer.MAX_VALUE;

    @Override
    public long nanoTime() {
        return nanos;
    }

    @Override
    public long currentTimeMs() {
        return 1_800_000_000_000L + nanos / 1_000_000;
    }

    @Override
    public void pause(Duration time) throws InterruptedException {
        if (--pausesUntilInterrupt < 0) {
            throw new InterruptedException("Ctrl-C");
        }
        nanos += time.toNanos();
    }
}
