package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ReclaimPaceTest {
    private long nowNanos = Long.MAX_VALUE - 5;
    private final ReclaimPace pace = new ReclaimPace(() -> nowNanos);

    private void pass(long seconds) {
        nowNanos += TimeUnit.SECONDS.toNanos(seconds);
    }

    @Test
    void fewDeletionsAreNotLookedFor() {
        assertThat(pace.begin()).isFalse();
        pace.deleted(255);
        assertThat(pace.muchWasDeleted()).isFalse();
        pace.deleted(1);
        assertThat(pace.muchWasDeleted()).isTrue();
        assertThat(pace.begin()).isTrue();
        assertThat(pace.muchWasDeleted()).isFalse();
        assertThat(pace.begin()).isFalse();
    }

    @Test
    void lookingTakesAtMostHalfOfTheTime() {
        assertThat(pace.isTime()).isTrue();
        pace.begin();
        pass(10);
        pace.end(true);
        pass(9);
        assertThat(pace.isTime()).isFalse();
        pass(1);
        assertThat(pace.isTime()).isTrue();
    }

    @Test
    void whatFailedIsTriedAgain() {
        pace.begin();
        pace.end(false);
        assertThat(pace.muchWasDeleted()).isTrue();
        assertThat(pace.begin()).isTrue();
        pace.end(true);
        assertThat(pace.muchWasDeleted()).isFalse();
    }

    @Test
    void quickLooksAreASecondApart() {
        pace.begin();
        pace.end(true);
        assertThat(pace.isTime()).isFalse();
        pass(1);
        assertThat(pace.isTime()).isTrue();
    }
}
