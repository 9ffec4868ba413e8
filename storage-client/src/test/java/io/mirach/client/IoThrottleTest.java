package io.mirach.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.IoLimits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IoThrottleTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long MS = 1_000_000L;

    private record Timed(long atNanos, Runnable task) {}

    private record Gone(int number, long atNanos) {}

    private final PriorityQueue<Timed> timers =
            new PriorityQueue<>(Comparator.comparingLong(Timed::atNanos));
    // A clock may begin anywhere, also before zero.
    private long now = -5 * SECOND;
    private final IoThrottle throttle =
            new IoThrottle((task, delay) -> timers.add(new Timed(now + delay, task)), () -> now);
    private final List<Gone> gone = new ArrayList<>();

    private static IoLimits limits(long readIops, long writeIops, long readBytes, int burstMs) {
        return new IoLimits(readIops, writeIops, readBytes, 0, burstMs);
    }

    private void read(int number, long bytes) {
        throttle.read(bytes, () -> gone.add(new Gone(number, now)));
    }

    private void runUntil(long end) {
        while (!timers.isEmpty() && timers.peek().atNanos() <= end) {
            Timed next = timers.remove();
            now = Math.max(now, next.atNanos());
            next.task().run();
        }
        now = end;
    }

    private void run(long nanos) {
        runUntil(now + nanos);
    }

    @Test
    void withoutLimitsAllGoesAtOnceAndNothingIsTimed() {
        for (int i = 0; i < 1000; i++) {
            read(i, 1 << 20);
        }
        assertThat(gone).hasSize(1000);
        assertThat(timers).isEmpty();
    }

    @Test
    void requestsGoInTheirOrderAndAtTheRateThatIsSet() {
        throttle.limit(limits(100, 0, 0, 10));
        for (int i = 0; i < 1000; i++) {
            read(i, 4096);
        }
        run(5 * SECOND);
        assertThat(gone.size()).isBetween(499, 502);
        run(6 * SECOND);
        assertThat(gone).hasSize(1000).extracting(Gone::number).isSorted();
    }

    @Test
    void bytesCountWhateverTheSizeOfRequests() {
        throttle.limit(limits(0, 0, 10 << 20, 10));
        for (int i = 0; i < 20; i++) {
            read(i, i % 2 == 0 ? 1 << 20 : 3 << 20);
        }
        run(SECOND);
        // 10 MiB and the one that takes it past them.
        assertThat(gone.size()).isBetween(5, 6);
        run(10 * SECOND);
        assertThat(gone).hasSize(20);
        assertThat(gone.get(19).atNanos() - gone.get(0).atNanos())
                .isBetween(36 * SECOND / 10, 4 * SECOND);
    }

    @Test
    void whatWasNotUsedIsThereAtOnceUpToTheBurst() {
        throttle.limit(limits(100, 0, 0, 2000));
        read(0, 1);
        run(60 * SECOND);
        gone.clear();
        for (int i = 0; i < 500; i++) {
            read(i, 1);
        }
        // Two seconds' worth, and the one that may begin when the bucket is just empty.
        assertThat(gone.size()).isBetween(200, 201);
        run(SECOND);
        assertThat(gone.size()).isBetween(299, 302);
    }

    @Test
    void aChangeHoldsAtOnceForWhatWaits() {
        throttle.limit(limits(1, 0, 0, 10));
        for (int i = 0; i < 300; i++) {
            read(i, 1);
        }
        run(SECOND / 2);
        assertThat(gone).hasSize(1);
        throttle.limit(limits(100, 0, 0, 10));
        run(SECOND);
        assertThat(gone.size()).isBetween(100, 103);
        throttle.limit(IoLimits.NONE);
        assertThat(gone).hasSize(300).extracting(Gone::number).isSorted();
        read(300, 1);
        assertThat(gone).hasSize(301);
    }

    @Test
    void theSameLimitsAgainGiveNothingAway() {
        throttle.limit(limits(10, 0, 0, 1000));
        for (int i = 0; i < 100; i++) {
            read(i, 1);
        }
        for (int i = 0; i < 50; i++) {
            throttle.limit(limits(10, 0, 0, 1000));
            run(20 * MS);
        }
        assertThat(gone.size()).isBetween(9, 12);
    }

    @Test
    void writesDoNotWaitForReads() {
        throttle.limit(limits(1, 1000, 0, 10));
        for (int i = 0; i < 10; i++) {
            read(i, 1);
        }
        List<Long> written = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            throttle.write(4096, () -> written.add(now));
        }
        run(SECOND);
        assertThat(written).hasSize(100);
        assertThat(gone.size()).isLessThan(4);
    }

    @Test
    void liftingLetsAllGoForGood() {
        throttle.limit(limits(1, 0, 0, 10));
        for (int i = 0; i < 10; i++) {
            read(i, 1);
        }
        throttle.lift();
        assertThat(gone).hasSize(10);
        throttle.limit(limits(1, 0, 0, 10));
        read(10, 1);
        read(11, 1);
        assertThat(gone).hasSize(12);
        runUntil(now + 60 * SECOND);
        assertThat(gone).hasSize(12);
    }

    /** In no window goes more than its length allows, the burst, and one request. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void noWindowHasMoreThanIsAllowed(long seed) {
        Random random = new Random(seed);
        long perSecond = (1 + random.nextInt(50)) << 20;
        int burstMs = 10 + random.nextInt(2000);
        throttle.limit(limits(0, 0, perSecond, burstMs));
        List<Long> sizes = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            sizes.add(1L + random.nextInt(1 << 20));
            read(i, sizes.get(i));
            if (random.nextInt(20) == 0) {
                run(random.nextInt(3000) * MS);
            }
        }
        run(1000 * SECOND);
        assertThat(gone).hasSize(3000);
        for (int from = 0; from < gone.size(); from += 37) {
            long bytes = 0;
            for (int to = from; to < gone.size(); to++) {
                double seconds = (gone.get(to).atNanos() - gone.get(from).atNanos()) / 1e9;
                // What is let go is let go before it is paid for.
                assertThat((double) bytes)
                        .isLessThanOrEqualTo(
                                (seconds + burstMs / 1e3) * perSecond * 1.001 + (1 << 20));
                bytes += sizes.get(gone.get(to).number());
            }
        }
    }
}
