package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.raft.ReadLease.Claim;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import io.mirach.raft.ratis.LeaseCluster.Replica;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadLeaseTest {
    private LeaseCluster cluster;
    private Replica a;
    private Replica b;
    private Replica c;

    @BeforeEach
    void threeReplicas() {
        cluster = LeaseCluster.ofThree();
        a = cluster.replicas.get(0);
        b = cluster.replicas.get(1);
        c = cluster.replicas.get(2);
    }

    private void lead(Replica leader, long term, boolean firstOfGroup) {
        for (Replica replica : cluster.replicas) {
            if (replica != leader) {
                replica.follow(term, leader.id);
            }
        }
        leader.lead(term, firstOfGroup);
    }

    private void pass(long ms) {
        cluster.time.advance(Duration.ofMillis(ms));
    }

    private static Reason refusal(CompletableFuture<?> future) {
        assertThat(future).isCompletedExceptionally();
        try {
            future.join();
            throw new AssertionError("not refused");
        } catch (CompletionException e) {
            return ((RefusedException) e.getCause()).reason();
        }
    }

    private static boolean granted(CompletableFuture<?> future) {
        return future.isDone() && !future.isCompletedExceptionally();
    }

    @Test
    void firstLeaderOfAGroupAnswersOnceAMajorityConfirmed() {
        lead(a, 1, true);
        assertThat(a.mayAnswerNow()).isTrue();
        CompletableFuture<Void> read = a.read(false);
        assertThat(read).isNotDone();
        pass(2);
        assertThat(granted(read)).isTrue();
        assertThat(granted(a.read(false))).isTrue();
    }

    @Test
    void newLeaderAnswersNothingBeforeOlderLeasesEnded() {
        lead(a, 7, false);
        CompletableFuture<Void> read = a.read(false);
        CompletableFuture<Void> strictRead = a.read(true);
        pass(499);
        assertThat(a.answering).isEmpty();
        assertThat(read).isNotDone();
        assertThat(strictRead).isNotDone();
        pass(1);
        assertThat(a.mayAnswerNow()).isTrue();
        assertThat(granted(read)).isTrue();
        assertThat(granted(strictRead)).isTrue();
    }

    @Test
    void leaseEndsBeforeTheLeaseTimeAfterTheQuestionWasSent() {
        lead(a, 1, true);
        pass(50);
        assertThat(granted(a.read(false))).isTrue();
        b.reachable = false;
        c.reachable = false;
        // Sent at 0, so it ends at 450: the lease time less a tenth.
        pass(399);
        assertThat(granted(a.read(false))).isTrue();
        pass(1);
        assertThat(granted(a.read(false))).isFalse();
    }

    @Test
    void slowAnswerCountsFromTheTimeOfTheQuestion() {
        cluster.delay = Duration.ofMillis(200);
        lead(a, 1, true);
        pass(399);
        assertThat(granted(a.read(false))).isFalse();
        pass(1);
        assertThat(granted(a.read(false))).isTrue();
        // The answers to later questions never come.
        b.reachable = false;
        c.reachable = false;
        b.term = 9;
        c.term = 9;
        pass(50);
        assertThat(granted(a.read(false))).isFalse();
    }

    @Test
    void oneOfThreeIsNoMajority() {
        b.reachable = false;
        c.reachable = false;
        lead(a, 1, true);
        CompletableFuture<Void> read = a.read(false);
        pass(990);
        assertThat(read).isNotDone();
        pass(110);
        assertThat(refusal(read)).isEqualTo(Reason.NOT_READY);
    }

    @Test
    void singleReplicaIsItsOwnMajority() {
        cluster = new LeaseCluster(1);
        Replica alone = cluster.replicas.get(0);
        alone.lead(1, true);
        assertThat(granted(alone.read(false))).isTrue();
        assertThat(granted(alone.read(true))).isTrue();
        pass(2000);
        assertThat(granted(alone.read(false))).isTrue();
    }

    @Test
    void leaseIsRenewedForAsLongAsPeersConfirm() {
        lead(a, 1, true);
        pass(5);
        for (int i = 0; i < 100; i++) {
            pass(50);
            assertThat(granted(a.read(false))).isTrue();
        }
    }

    @Test
    void peerInALaterTermConfirmsNothing() {
        lead(a, 1, true);
        pass(5);
        b.term = 2;
        c.term = 2;
        pass(500);
        assertThat(granted(a.read(false))).isFalse();
    }

    @Test
    void peerConfirmsOnlyItsTermItsGroupAndAsAVoter() {
        b.term = 4;
        UUID other = UUID.randomUUID();
        List<Claim> claims = List.of(new Claim(cluster.group, 4), new Claim(other, 4));
        assertThat(b.keeper.confirm(a.id, claims)).containsExactly(cluster.group);
        assertThat(b.keeper.confirm(a.id, List.of(new Claim(cluster.group, 3)))).isEmpty();
        assertThat(b.keeper.confirm(a.id, List.of(new Claim(cluster.group, 5)))).isEmpty();
        b.configurations = List.of(Set.of(a.id, c.id));
        assertThat(b.keeper.confirm(a.id, claims)).isEmpty();
        b.configurations = List.of(Set.of(a.id, b.id, c.id));
        b.alive = false;
        assertThat(b.keeper.confirm(a.id, claims)).isEmpty();
    }

    @Test
    void changeOfMembersNeedsAMajorityOfBothConfigurations() {
        lead(a, 1, true);
        pass(5);
        // On its way from {a, b, c} to {d, e, a}, where d and e never answer.
        Set<UUID> before = Set.of(a.id, b.id, c.id);
        LeaseCluster.Replica d = cluster.new Replica(1);
        LeaseCluster.Replica e = cluster.new Replica(1);
        cluster.replicas.addAll(List.of(d, e));
        a.configurations = List.of(Set.of(a.id, d.id, e.id), before);
        pass(500);
        assertThat(granted(a.read(false))).isFalse();
        d.term = 1;
        d.configurations = a.configurations;
        pass(110);
        assertThat(granted(a.read(false))).isTrue();
    }

    @Test
    void strictReadAsksAlthoughTheLeaseHolds() {
        lead(a, 1, true);
        pass(50);
        int before = cluster.questionsTo(b);
        CompletableFuture<Void> read = a.read(true);
        assertThat(read).isNotDone();
        assertThat(cluster.questionsTo(b)).isEqualTo(before + 1);
        pass(2);
        assertThat(granted(read)).isTrue();
    }

    @Test
    void questionSentBeforeAStrictReadDoesNotServeIt() {
        cluster.delay = Duration.ofMillis(20);
        lead(a, 1, true);
        pass(145); // A question was sent at 100, its answers arrived at 140.
        CompletableFuture<Void> first = a.read(true); // Its question: at 145.
        pass(10);
        CompletableFuture<Void> second = a.read(true); // Must not be served by that one.
        b.reachable = false;
        c.reachable = false;
        pass(30);
        assertThat(granted(first)).isTrue();
        assertThat(second).isNotDone();
    }

    @Test
    void manyStrictReadsShareFewQuestions() {
        lead(a, 1, true);
        pass(50);
        int before = cluster.questionsTo(b);
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            reads.add(a.keeper.readable(cluster.group, true));
        }
        cluster.time.settle();
        pass(4);
        assertThat(reads).allMatch(ReadLeaseTest::granted);
        assertThat(cluster.questionsTo(b) - before).isLessThanOrEqualTo(2);
    }

    @Test
    void strictReadIsRefusedWhenNoMajorityConfirms() {
        lead(a, 1, true);
        pass(50);
        b.reachable = false;
        c.reachable = false;
        CompletableFuture<Void> read = a.read(true);
        pass(1200);
        assertThat(refusal(read)).isEqualTo(Reason.NOT_READY);
    }

    @Test
    void peersThatFailAtOnceAreNotAskedWithoutAPause() {
        b.reachable = false;
        c.reachable = false;
        lead(a, 1, true);
        a.read(false);
        a.read(true);
        int before = cluster.questionsTo(b);
        pass(1000);
        assertThat(cluster.questionsTo(b) - before).isLessThanOrEqualTo(12);
    }

    @Test
    void silentPeerIsAskedOnlySoOften() {
        b.silent = true;
        lead(a, 1, true);
        pass(60_000);
        // At most 16 questions without an answer in four lease times.
        assertThat(cluster.questionsTo(b)).isLessThanOrEqualTo(16 * 31);
        assertThat(granted(a.read(false))).isTrue();
    }

    @Test
    void wallClockThatJumpsDropsTheLease() {
        lead(a, 1, true);
        pass(50);
        b.reachable = false;
        c.reachable = false;
        a.clock.stepWallClock(51);
        assertThat(granted(a.read(false))).isTrue();
        pass(55); // The next look at the clocks.
        assertThat(granted(a.read(false))).isFalse();
        b.reachable = true;
        pass(110);
        assertThat(granted(a.read(false))).isTrue();
    }

    @Test
    void answersToQuestionsFromBeforeAClockJumpRenewNothing() {
        cluster.delay = Duration.ofMillis(60);
        lead(a, 1, true);
        pass(90);
        a.clock.stepWallClock(-1000);
        pass(15); // Looked at 100; the first question's answers arrive at 120.
        b.reachable = false;
        c.reachable = false;
        pass(30);
        assertThat(granted(a.read(false))).isFalse();
    }

    @Test
    void lostLeadershipRefusesWhatWaitsAndNamesTheLeader() {
        lead(a, 3, false);
        CompletableFuture<Void> read = a.read(false);
        a.follow(4, b.id);
        assertThat(refusal(read)).isEqualTo(Reason.NOT_LEADER);
        assertThatThrownBy(read::join)
                .cause()
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.leaderHint()).contains(b.id));
        pass(1000);
        assertThat(a.answering).isEmpty();
        assertThat(refusal(a.read(false))).isEqualTo(Reason.NOT_LEADER);
    }

    @Test
    void leaderUnseatedUnnoticedFindsOutAtTheNextLook() {
        lead(a, 3, false);
        a.leads = false; // Nobody told the lease.
        CompletableFuture<Void> read = a.keeper.readable(cluster.group, false);
        pass(110);
        assertThat(refusal(read)).isEqualTo(Reason.NOT_LEADER);
        assertThat(a.told).containsExactly(1L);
    }

    @Test
    void confirmationsOfAnEarlierTermServeNoLaterOne() {
        cluster.delay = Duration.ofMillis(40);
        lead(a, 3, false);
        pass(30);
        a.follow(4, b.id);
        lead(a, 5, false);
        b.reachable = false;
        c.reachable = false;
        pass(2000);
        assertThat(granted(a.read(false))).isFalse();
    }

    @Test
    void readsBeyondTheLimitAreRefused() {
        lead(a, 3, false);
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        for (int i = 0; i < LeaseKeeper.MAX_WAITING_READS; i++) {
            reads.add(a.keeper.readable(cluster.group, false));
        }
        assertThat(refusal(a.keeper.readable(cluster.group, false)))
                .isEqualTo(Reason.BACK_PRESSURED);
        pass(600);
        assertThat(reads).allMatch(ReadLeaseTest::granted);
        assertThat(granted(a.read(false))).isTrue();
    }

    @Test
    void readOfAGroupThatIsNotHereIsRefused() {
        assertThat(refusal(a.keeper.readable(UUID.randomUUID(), false)))
                .isEqualTo(Reason.NO_SUCH_GROUP);
        lead(a, 3, false);
        CompletableFuture<Void> read = a.read(false);
        a.keeper.remove(cluster.group);
        cluster.time.settle();
        assertThat(read).isCompletedExceptionally();
        assertThat(refusal(a.read(false))).isEqualTo(Reason.NO_SUCH_GROUP);
    }
}
