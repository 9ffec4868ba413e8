package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
    private final MemoryBudget budget = new MemoryBudget(100);
    private final List<String> granted = new ArrayList<>();

    @Test
    void grantsInTheOrderAsked() {
        assertThat(budget.tryReserve(90)).isTrue();
        budget.reserve(60, () -> granted.add("large"));
        budget.reserve(5, () -> granted.add("small"));
        assertThat(granted).isEmpty();
        assertThat(budget.tryReserve(1)).isFalse();
        budget.release(55);
        assertThat(granted).containsExactly("large", "small");
        assertThat(budget.freeBytes()).isZero();
    }

    @Test
    void aCancelledWishLetsTheNextOneThrough() {
        assertThat(budget.tryReserve(90)).isTrue();
        MemoryBudget.Wish large = budget.reserve(60, () -> granted.add("large"));
        budget.reserve(5, () -> granted.add("small"));
        budget.cancel(large);
        assertThat(granted).containsExactly("small");
        budget.cancel(large);
        assertThat(budget.freeBytes()).isEqualTo(5);
    }

    @Test
    void cancellingAGrantedWishGivesItsBytesBack() {
        MemoryBudget.Wish wish = budget.reserve(60, () -> granted.add("it"));
        assertThat(granted).containsExactly("it");
        budget.cancel(wish);
        assertThat(budget.freeBytes()).isEqualTo(100);
    }

    @Test
    void releasingTooMuchIsAnError() {
        assertThatThrownBy(() -> budget.release(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> budget.reserve(101, () -> {}))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whateverHappensNothingIsLost() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<Integer> held = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            if (random.nextBoolean()) {
                int bytes = random.nextInt(100);
                budget.reserve(bytes, () -> held.add(bytes));
            } else if (!held.isEmpty()) {
                budget.release(held.remove(random.nextInt(held.size())));
            }
        }
        while (!held.isEmpty()) {
            budget.release(held.remove(held.size() - 1));
        }
        assertThat(budget.freeBytes()).as("seed %d", seed).isEqualTo(100);
        assertThat(budget.contended()).isFalse();
    }
}
