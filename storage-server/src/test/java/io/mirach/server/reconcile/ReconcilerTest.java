package io.mirach.server.reconcile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.model.PlacementGroupId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.placement.Step;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReconcilerTest {
    private static final Duration SOON = Duration.ofSeconds(10);

    /** Takes orders and leaves them open until the test ends them. */
    private static final class FakeRunner implements StepRunner {
        final List<String> begun = new CopyOnWriteArrayList<>();
        final Map<String, CompletableFuture<Void>> open = new ConcurrentHashMap<>();

        @Override
        public CompletableFuture<Void> run(Step step) {
            begun.add(step.key());
            CompletableFuture<Void> done = new CompletableFuture<>();
            open.put(step.key(), done);
            return done;
        }
    }

    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor();
    private final FakeRunner runner = new FakeRunner();
    private volatile List<Step> planned = List.of(step(1), step(2));
    private volatile boolean leads = true;
    private final Reconciler reconciler =
            new Reconciler(
                    () ->
                            leads
                                    ? CompletableFuture.completedFuture(null)
                                    : CompletableFuture.failedFuture(
                                            MirachException.notLeader(Optional.empty())),
                    () -> planned,
                    runner,
                    thread);

    private static Step step(int group) {
        return new Step.MoveLeader(
                new Step.Group(
                        "pg" + group, new UUID(1, group), Optional.of(new PlacementGroupId(group))),
                new UUID(2, 1),
                new UUID(2, 2));
    }

    @AfterEach
    void end() {
        thread.shutdownNow();
    }

    private void settle() throws Exception {
        // Whatever was asked for before is done once the thread has come through.
        thread.submit(() -> {}).get();
        thread.submit(() -> {}).get();
        thread.submit(() -> {}).get();
    }

    @Test
    void aStepUnderWayIsNotBegunAgain() throws Exception {
        reconciler.wake();
        await().atMost(SOON).until(() -> runner.begun.size() == 2);
        reconciler.wake();
        settle();
        assertThat(runner.begun).containsExactly("lead pg1", "lead pg2");
    }

    @Test
    void whatFailedIsTakenUpAgainOnTheTickAndWhatIsDoneIsNot() {
        reconciler.start();
        reconciler.wake();
        await().atMost(SOON).until(() -> runner.begun.size() == 2);
        planned = List.of(step(1));
        runner.open.get("lead pg2").complete(null);
        runner.open
                .get("lead pg1")
                .completeExceptionally(new MirachException(ErrorCode.TIMEOUT, "no answer"));
        await().atMost(SOON).until(() -> runner.begun.size() == 3);
        assertThat(runner.begun.get(2)).isEqualTo("lead pg1");
    }

    @Test
    void aNodeThatDoesNotLeadTakesNoStep() throws Exception {
        leads = false;
        reconciler.wake();
        settle();
        assertThat(runner.begun).isEmpty();
        leads = true;
        reconciler.wake();
        await().atMost(SOON).until(() -> runner.begun.size() == 2);
    }
}
