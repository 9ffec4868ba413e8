package io.mirach.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class InFlightTest {
    private final InFlight inFlight = new InFlight();

    @Test
    void nothingInFlightIsNothingToWaitFor() {
        assertThat(inFlight.barrier()).isCompleted();
        inFlight.end(inFlight.begin());
        assertThat(inFlight.barrier()).isCompleted();
    }

    @Test
    void laterOnesAreNotWaitedFor() {
        var early = inFlight.begin();
        CompletableFuture<Void> barrier = inFlight.barrier();
        var late = inFlight.begin();
        inFlight.end(early);
        assertThat(barrier).isCompleted();
        CompletableFuture<Void> second = inFlight.barrier();
        assertThat(second).isNotDone();
        inFlight.end(late);
        assertThat(second).isCompleted();
    }

    @Test
    void barrierBehindABarrierWaitsForBoth() {
        var early = inFlight.begin();
        CompletableFuture<Void> first = inFlight.barrier();
        CompletableFuture<Void> same = inFlight.barrier();
        var late = inFlight.begin();
        CompletableFuture<Void> second = inFlight.barrier();
        inFlight.end(late);
        assertThat(second).isNotDone();
        assertThat(same).isNotDone();
        inFlight.end(early);
        assertThat(first).isCompleted();
        assertThat(same).isCompleted();
        assertThat(second).isCompleted();
        assertThat(inFlight.barrier()).isCompleted();
    }

    /** Against a model that remembers for each barrier what was in flight. */
    @Test
    void barriersCompleteExactlyWhenAllBeforeThemHaveEnded() {
        long seed = 3;
        Random random = new Random(seed);
        Map<Integer, InFlight.Generation> open = new HashMap<>();
        List<Set<Integer>> awaited = new ArrayList<>();
        List<CompletableFuture<Void>> barriers = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            switch (random.nextInt(5)) {
                case 0, 1 -> open.put(i, inFlight.begin());
                case 2, 3 -> {
                    if (!open.isEmpty()) {
                        List<Integer> keys = new ArrayList<>(open.keySet());
                        int key = keys.get(random.nextInt(keys.size()));
                        inFlight.end(open.remove(key));
                        awaited.forEach(set -> set.remove(key));
                    }
                }
                default -> {
                    awaited.add(new HashSet<>(open.keySet()));
                    barriers.add(inFlight.barrier());
                }
            }
            for (int b = Math.max(0, barriers.size() - 50); b < barriers.size(); b++) {
                assertThat(barriers.get(b).isDone())
                        .as("seed %d step %d barrier %d", seed, i, b)
                        .isEqualTo(awaited.get(b).isEmpty());
            }
        }
    }
}
