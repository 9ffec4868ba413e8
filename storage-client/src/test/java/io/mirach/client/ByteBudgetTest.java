package io.mirach.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ByteBudgetTest {
    @Test
    void nobodyOvertakesByBeingSmall() {
        ByteBudget budget = new ByteBudget(100);
        List<String> granted = new ArrayList<>();
        budget.acquire(60, () -> granted.add("first"));
        budget.acquire(60, () -> granted.add("large"));
        budget.acquire(10, () -> granted.add("small"));
        assertThat(granted).containsExactly("first");
        budget.release(60);
        assertThat(granted).containsExactly("first", "large", "small");
        assertThat(budget.usedBytes()).isEqualTo(70);
    }

    @Test
    void waitersThatReleaseAtOnceDoNotNest() {
        ByteBudget budget = new ByteBudget(10);
        AtomicInteger granted = new AtomicInteger();
        budget.acquire(10, () -> {});
        for (int i = 0; i < 200_000; i++) {
            budget.acquire(
                    10,
                    () -> {
                        granted.incrementAndGet();
                        budget.release(10);
                    });
        }
        budget.release(10);
        assertThat(granted).hasValue(200_000);
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void limitHoldsAmongThreads() throws InterruptedException {
        ByteBudget budget = new ByteBudget(3);
        AtomicInteger used = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch done = new CountDownLatch(4 * 20_000);
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Thread thread =
                    new Thread(
                            () -> {
                                for (int i = 0; i < 20_000; i++) {
                                    budget.acquire(
                                            1,
                                            () -> {
                                                most.accumulateAndGet(
                                                        used.incrementAndGet(), Math::max);
                                                used.decrementAndGet();
                                                budget.release(1);
                                                done.countDown();
                                            });
                                }
                            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        done.await();
        assertThat(most.get()).isLessThanOrEqualTo(3);
        assertThat(budget.usedBytes()).isZero();
    }
}
