package io.mirach.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Time, as commands that wait or watch need it; passed in so that tests need not wait. */
public interface CliClock {
    /** Monotonic. */
    long nanoTime();

    /** Wall clock, milliseconds since 1970. */
    long currentTimeMs();

    /** Returns after the time has passed. */
    void pause(Duration time) throws InterruptedException;

    /** The machine's clocks. */
    static CliClock system() {
        return new CliClock() {
            @Override
            public long nanoTime() {
                return System.nanoTime();
            }

            @Override
            public long currentTimeMs() {
                return System.currentTimeMillis();
            }

            @Override
            public void pause(Duration time) throws InterruptedException {
                // Nothing counts it down: the wait only ends by time, or by interruption.
                boolean ended = new CountDownLatch(1).await(time.toNanos(), TimeUnit.NANOSECONDS);
                assert !ended;
            }
        };
    }
}
