package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ProposerTest {
    private static final int MAX_ENTRY = 100;
    private static final int MAX_COMMAND = 200;
    private static final int WORTHWHILE = 150; // A queued command counts 64 for being queued.
    private static final UUID LEADER = UUID.randomUUID();

    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private final List<EntryBatch<Integer>> appended = new ArrayList<>();
    private final List<ByteBuf> commands = new ArrayList<>();
    private final Proposer<Integer> proposer =
            new Proposer<>(
                    new Proposer.Limits(MAX_ENTRY, MAX_COMMAND, 2, WORTHWHILE, 1000),
                    tasks::add,
                    appended::add,
                    () -> Optional.of(LEADER));

    @AfterEach
    void everyCommandIsReleasedOnce() {
        proposer.close();
        assertThat(commands).allMatch(command -> command.refCnt() == 0);
    }

    private CompletableFuture<Integer> propose(int bytes) {
        ByteBuf command = Unpooled.buffer(bytes).writeZero(bytes);
        commands.add(command);
        return proposer.propose(command);
    }

    private void open(long election) {
        proposer.hold(election);
        proposer.open(election);
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    private static int size(EntryBatch<Integer> batch) {
        return EntryFormat.decode(Unpooled.wrappedBuffer(batch.entry())).size();
    }

    private static void apply(EntryBatch<Integer> batch, int first) {
        List<Integer> replies = new ArrayList<>();
        for (int i = 0; i < size(batch); i++) {
            replies.add(first + i);
        }
        batch.appending();
        batch.applied(replies);
    }

    private static RefusedException refusal(CompletableFuture<Integer> future) {
        assertThat(future).isCompletedExceptionally();
        try {
            future.join();
            throw new AssertionError("not refused");
        } catch (CompletionException e) {
            return (RefusedException) e.getCause();
        }
    }

    @Test
    void commandsGatherWhileAnEntryIsInFlight() {
        open(1);
        propose(1);
        runTasks();
        List<CompletableFuture<Integer>> waiting = List.of(propose(1), propose(1));
        runTasks();
        assertThat(appended).hasSize(1);
        apply(appended.get(0), 0);
        runTasks();
        assertThat(appended).hasSize(2);
        assertThat(size(appended.get(1))).isEqualTo(2);
        apply(appended.get(1), 10);
        assertThat(waiting).extracting(CompletableFuture::join).containsExactly(10, 11);
    }

    @Test
    void whatIsWorthAnEntryDoesNotWaitForTheOneInFlight() {
        open(1);
        propose(1);
        runTasks();
        propose(1);
        propose(1);
        runTasks();
        assertThat(appended).hasSize(1);
        propose(1);
        runTasks();
        assertThat(appended).extracting(ProposerTest::size).containsExactly(1, 3);
        propose(90);
        runTasks();
        propose(90);
        propose(90);
        runTasks();
        assertThat(appended).as("no more than two are in flight").hasSize(2);
    }

    @Test
    void entryIsClosedAtItsSizeAndHoldsAtLeastOneCommand() {
        proposer.hold(1);
        propose(40);
        propose(40);
        propose(40);
        propose(150);
        proposer.open(1);
        runTasks();
        assertThat(appended).extracting(ProposerTest::size).containsExactly(2, 1);
        apply(appended.get(0), 0);
        runTasks();
        assertThat(appended).extracting(ProposerTest::size).containsExactly(2, 1, 1);
        assertThat(appended.get(2).entry().length).isGreaterThan(MAX_ENTRY);
    }

    @Test
    void commandBeyondTheHardLimitIsTheCallersErrorAndReleased() {
        open(1);
        assertThatThrownBy(() -> propose(MAX_COMMAND + 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("201");
    }

    @Test
    void fullQueueRefuses() {
        proposer.hold(1);
        List<CompletableFuture<Integer>> taken = new ArrayList<>();
        CompletableFuture<Integer> next = propose(100);
        while (!next.isDone()) {
            taken.add(next);
            next = propose(100);
        }
        assertThat(taken).hasSize(6); // 100 bytes and 64 for being queued, of 1000.
        assertThat(refusal(next).reason()).isEqualTo(Reason.BACK_PRESSURED);
        proposer.open(1);
        runTasks();
        assertThat(propose(100)).isNotDone();
    }

    @Test
    void nothingIsSubmittedBeforeOlderLeasesEnded() {
        proposer.hold(1);
        CompletableFuture<Integer> reply = propose(1);
        runTasks();
        assertThat(appended).isEmpty();
        assertThat(reply).isNotDone();
        proposer.open(1);
        runTasks();
        assertThat(appended).hasSize(1);
    }

    @Test
    void lateNewsOfAnEarlierElectionOpensAndClosesNothing() {
        proposer.hold(1);
        proposer.notLeader(1);
        proposer.hold(2);
        propose(1);
        proposer.open(1);
        runTasks();
        assertThat(appended).isEmpty();
        proposer.notLeader(1);
        proposer.open(2);
        runTasks();
        assertThat(appended).hasSize(1);
        assertThat(appended.get(0).election()).isEqualTo(2);
    }

    @Test
    void replicaThatDoesNotLeadRefusesAndNamesTheLeader() {
        RefusedException refused = refusal(propose(1));
        assertThat(refused.reason()).isEqualTo(Reason.NOT_LEADER);
        assertThat(refused.leaderHint()).contains(LEADER);
        proposer.hold(1);
        CompletableFuture<Integer> queued = propose(1);
        proposer.notLeader(1);
        assertThat(refusal(queued).reason()).isEqualTo(Reason.NOT_LEADER);
    }

    @Test
    void entryThatWasCertainlyNotAppendedIsRefused() {
        open(1);
        CompletableFuture<Integer> reply = propose(1);
        runTasks();
        appended.get(0)
                .failed(new RefusedException(Reason.NOT_READY, Optional.empty()), new Exception());
        assertThat(refusal(reply).reason()).isEqualTo(Reason.NOT_READY);
    }

    @Test
    void entryThatMayBeInTheLogHasAnUnknownOutcome() {
        open(1);
        CompletableFuture<Integer> reply = propose(1);
        runTasks();
        EntryBatch<Integer> batch = appended.get(0);
        batch.appending();
        batch.failed(new RefusedException(Reason.NOT_LEADER, Optional.empty()), new Exception());
        assertThatThrownBy(reply::join).hasCauseInstanceOf(OutcomeUnknownException.class);
        apply(batch, 0); // Too late, and harmless.
        assertThatThrownBy(reply::join).hasCauseInstanceOf(OutcomeUnknownException.class);
    }

    @Test
    void failedEntriesFreeTheirPlaces() {
        open(1);
        for (int i = 0; i < 10; i++) {
            propose(1);
            runTasks();
            appended.get(i)
                    .failed(
                            new RefusedException(Reason.NOT_READY, Optional.empty()),
                            new Exception());
            runTasks();
        }
        assertThat(appended).hasSize(10);
    }

    @Test
    void closeRefusesWhatWaitsAndAbandonCompletesTheRest() {
        open(1);
        CompletableFuture<Integer> inFlight = propose(1);
        runTasks();
        CompletableFuture<Integer> appendedOne = propose(90);
        runTasks();
        appended.get(1).appending();
        CompletableFuture<Integer> queued = propose(1);
        runTasks();
        proposer.close();
        assertThat(refusal(queued).reason()).isEqualTo(Reason.NO_SUCH_GROUP);
        assertThat(refusal(propose(1)).reason()).isEqualTo(Reason.NO_SUCH_GROUP);
        assertThat(inFlight).isNotDone();
        proposer.abandon(new Exception("closed"));
        assertThat(refusal(inFlight).reason()).isEqualTo(Reason.NO_SUCH_GROUP);
        assertThatThrownBy(appendedOne::join).hasCauseInstanceOf(OutcomeUnknownException.class);
    }
}
