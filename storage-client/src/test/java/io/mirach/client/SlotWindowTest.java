package io.mirach.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.protocol.data.WriteIdentity;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SlotWindowTest {
    private final SlotWindow window = new SlotWindow();
    private final List<Long> granted = new ArrayList<>();

    private void acquire(int count) {
        for (int i = 0; i < count; i++) {
            window.acquire(granted::add);
        }
    }

    @Test
    void numbersStartAtOneAndAreGivenInOrder() {
        acquire(3);
        assertThat(granted).containsExactly(1L, 2L, 3L);
        assertThat(window.lowestUnacknowledged()).isEqualTo(1);
    }

    @Test
    void lowestMovesOnlyOverWhatIsFinished() {
        acquire(4);
        window.finish(2);
        window.finish(3);
        assertThat(window.lowestUnacknowledged()).isEqualTo(1);
        window.finish(1);
        assertThat(window.lowestUnacknowledged()).isEqualTo(4);
    }

    @Test
    void oneThatIsStuckHoldsUpTheNumberAWindowAhead() {
        acquire(WriteIdentity.WINDOW + 10);
        for (long sequence = 2; sequence <= WriteIdentity.WINDOW; sequence++) {
            window.finish(sequence);
        }
        assertThat(granted).hasSize(WriteIdentity.WINDOW);
        window.finish(1);
        assertThat(granted).hasSize(WriteIdentity.WINDOW + 10);
        assertThat(window.lowestUnacknowledged()).isEqualTo(WriteIdentity.WINDOW + 1);
    }

    @Test
    void everyIdentityIsValidInWhateverOrderOutcomesBecomeKnown() {
        long seed = 9;
        Random random = new Random(seed);
        List<Long> open = new ArrayList<>();
        for (int i = 0; i < 30_000; i++) {
            window.acquire(
                    sequence -> {
                        long lowest = window.lowestUnacknowledged();
                        assertThat(sequence - lowest)
                                .as("seed %d", seed)
                                .isBetween(0L, WriteIdentity.WINDOW - 1L);
                        open.add(sequence);
                    });
            if (!open.isEmpty() && random.nextInt(10) < 9) {
                Collections.swap(open, random.nextInt(open.size()), open.size() - 1);
                window.finish(open.remove(open.size() - 1));
            }
        }
        while (!open.isEmpty()) {
            window.finish(open.remove(open.size() - 1));
        }
        assertThat(window.lowestUnacknowledged()).isEqualTo(30_001);
    }
}
