package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.apache.ratis.metrics.Timekeeper;
import org.junit.jupiter.api.Test;

class SyncTimesTest {
    private long nanos = Duration.ofSeconds(-5).toNanos();
    private final SyncTimes times = new SyncTimes(() -> nanos);

    private void pass(long ms) {
        nanos += Duration.ofMillis(ms).toNanos();
    }

    private void sync(long ms) {
        Timekeeper.Context sync = times.begin();
        pass(ms);
        assertThat(sync.stop()).isEqualTo(Duration.ofMillis(ms).toNanos());
    }

    private long recentMs() {
        return times.recent().toMillis();
    }

    @Test
    void meanOfTheLastSeconds() {
        assertThat(recentMs()).isZero();
        sync(10);
        sync(30);
        assertThat(recentMs()).isEqualTo(20);
        pass(1_900);
        assertThat(recentMs()).isEqualTo(20);
        pass(1_100);
        assertThat(recentMs()).isZero();
        sync(7);
        assertThat(recentMs()).isEqualTo(7);
    }

    @Test
    void whatWasQuickBeforeIsSoonForgotten() {
        for (int i = 0; i < 1_000; i++) {
            sync(1);
        }
        for (int i = 0; i < 8; i++) {
            sync(500);
        }
        assertThat(recentMs()).isEqualTo(500);
    }

    @Test
    void oneThatHangsCountsWhileItHangs() {
        sync(1);
        Timekeeper.Context hangs = times.begin();
        pass(700);
        assertThat(recentMs()).isEqualTo(700);
        pass(9_300);
        assertThat(recentMs()).isEqualTo(10_000);
        hangs.stop();
        assertThat(recentMs()).isEqualTo(10_000);
        pass(4_000);
        assertThat(recentMs()).isZero();
    }
}
