package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.store.Room;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SlowDisksTest {
    private final SlowDisks disks = new SlowDisks();
    private long nowNanos = TimeUnit.DAYS.toNanos(-1);

    /** A second passes, in which each disk is heard: its syncs take so many milliseconds. */
    private void heard(long... syncMs) {
        nowNanos += TimeUnit.SECONDS.toNanos(1);
        for (int i = 0; i < syncMs.length; i++) {
            disks.heard(
                    List.of(
                            new NodeHeartbeat.DirUsage(
                                    MetaFixtures.dir(i + 1),
                                    "/" + i,
                                    1,
                                    1,
                                    1,
                                    Room.AMPLE,
                                    syncMs[i])),
                    nowNanos);
        }
    }

    private void heardFor(int seconds, long... syncMs) {
        for (int i = 0; i < seconds; i++) {
            heard(syncMs);
        }
    }

    private void requireSlow(Integer... numbers) {
        assertThat(disks.slow(nowNanos))
                .containsExactlyInAnyOrderElementsOf(
                        List.of(numbers).stream().map(MetaFixtures::dir).toList());
    }

    @Test
    void slowAfterAFewSecondsAndForAMinuteAfterTheLast() {
        heardFor(3, 400, 1, 2);
        requireSlow();
        heard(400, 1, 2);
        requireSlow(1);
        heardFor(59, 1, 1, 2);
        requireSlow(1);
        heard(1, 1, 2);
        requireSlow();
    }

    @Test
    void momentIsNotSlowness() {
        for (int i = 0; i < 10; i++) {
            heardFor(2, 900, 1, 2);
            heard(1, 1, 2);
        }
        requireSlow();
    }

    @Test
    void twoOfThreeMayBeSlow() {
        heardFor(5, 400, 700, 3);
        requireSlow(1, 2);
    }

    @Test
    void whereAllAreSlowNoneIs() {
        heardFor(5, 400, 300, 500);
        requireSlow();
    }

    @Test
    void disksThatAreNotWrittenSayNothing() {
        heardFor(5, 400, 0, 0);
        requireSlow(1);
        disks.clear();
        requireSlow();
        heardFor(5, 400, 0, 200);
        requireSlow();
    }
}
