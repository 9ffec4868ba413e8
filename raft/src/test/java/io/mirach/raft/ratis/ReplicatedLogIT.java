package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.LogPosition;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicaStatus.Role;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import io.mirach.raft.ratis.TestCluster.Node;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a healthy cluster of three does. The hosts are shared; each test has a group of its own. */
class ReplicatedLogIT {
    private static final int MAX_ENTRY_BYTES = 64 << 10;
    private static final int MAX_QUEUED_BYTES = 256 << 10;

    @TempDir static Path directory;
    private static TestCluster cluster;

    private UUID group;
    private Node leader;
    private ReplicatedLog<Receipt> log;

    @BeforeAll
    static void start() {
        cluster = new TestCluster(directory, 3, ReplicatedLogIT::config);
    }

    private static RaftHostConfig config(RaftHostConfig config) {
        RaftHostConfig quick = TestCluster.quick(config);
        return new RaftHostConfig(
                quick.peerId(),
                quick.storageDir(),
                quick.address(),
                quick.electionTimeoutMin(),
                quick.electionTimeoutMax(),
                quick.readLease(),
                quick.readLeaseInterval(),
                MAX_ENTRY_BYTES,
                4,
                MAX_QUEUED_BYTES,
                quick.checkpointBytes(),
                quick.logRetentionBytes());
    }

    @AfterAll
    static void stop() {
        cluster.close();
        for (Node node : cluster.nodes) {
            assertThat(node.failures).isEmpty();
            assertThat(node.machines.values()).allMatch(LedgerStateMachine::isClosed);
        }
    }

    @BeforeEach
    void createGroup() {
        group = cluster.createGroup();
        leader = cluster.leader(group);
        log = leader.log(group);
    }

    @Test
    void commandsAreAppliedOnAllReplicasAndAnsweredInOrder() {
        List<Long> completed = new ArrayList<>();
        List<CompletableFuture<Receipt>> replies = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            CompletableFuture<Receipt> reply = log.propose(command("c" + i));
            // Completions come one after the other, on the apply thread.
            replies.add(reply.whenComplete((receipt, failure) -> completed.add(receipt.number())));
        }
        LogPosition last = LogPosition.NONE;
        for (int i = 0; i < replies.size(); i++) {
            Receipt receipt = get(replies.get(i));
            assertThat(receipt.number()).isEqualTo(i);
            assertThat(receipt.command()).isEqualTo("c" + i);
            assertThat(receipt.entry().index()).isGreaterThanOrEqualTo(last.index());
            last = receipt.entry();
        }
        assertThat(completed).isSorted().hasSize(500);
        assertThat(cluster.converged(group)).hasSize(500);
    }

    @Test
    void concurrentCommandsShareEntries() {
        CountDownLatch applying = new CountDownLatch(1);
        leader.machine(group).duringApply(() -> awaitQuietly(applying));
        List<CompletableFuture<Receipt>> replies = new ArrayList<>();
        for (int i = 0; i < 400; i++) {
            replies.add(log.propose(command("c" + i)));
        }
        applying.countDown();
        long entries =
                replies.stream().map(TestCluster::get).map(Receipt::entry).distinct().count();
        assertThat(entries).isLessThan(100);
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void commandInPiecesArrivesWhole() {
        CompositeByteBuf pieces = PooledByteBufAllocator.DEFAULT.compositeDirectBuffer();
        pieces.addComponent(true, command("one ")).addComponent(true, command("two"));
        assertThat(get(log.propose(pieces)).command()).isEqualTo("one two");
        assertThat(pieces.refCnt()).isZero();
        assertThat(cluster.converged(group)).containsExactly("one two");
    }

    @Test
    void commandsUpToTheHardLimitAreTakenAndLargerOnesAreTheCallersError() {
        String largest = "x".repeat(MAX_ENTRY_BYTES + (64 << 10));
        assertThat(get(log.propose(command(largest))).command()).isEqualTo(largest);
        ByteBuf tooLarge = command(largest + "x");
        assertThatThrownBy(() -> log.propose(tooLarge))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(tooLarge.refCnt()).isZero();
        assertThat(cluster.converged(group)).containsExactly(largest);
    }

    @Test
    void followerRefusesAndNamesTheLeader() {
        Node follower = cluster.followers(group).get(0);
        await().atMost(TestCluster.PATIENCE)
                .until(() -> follower.log(group).status().leader().isPresent());
        ByteBuf command = command("no");
        assertThatThrownBy(() -> get(follower.log(group).propose(command)))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> {
                            assertThat(e.reason()).isEqualTo(Reason.NOT_LEADER);
                            assertThat(e.leaderHint()).contains(leader.id);
                        });
        assertThat(command.refCnt()).isZero();
        assertThatThrownBy(() -> get(follower.log(group).readable(false)))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> assertThat(e.leaderHint()).contains(leader.id));
    }

    @Test
    void fullQueueRefusesAndWhatWasTakenIsApplied() {
        CountDownLatch applying = new CountDownLatch(1);
        leader.machine(group).duringApply(() -> awaitQuietly(applying));
        String text = "x".repeat(16 << 10);
        List<CompletableFuture<Receipt>> taken = new ArrayList<>();
        CompletableFuture<Receipt> refused = null;
        while (refused == null) {
            CompletableFuture<Receipt> reply = log.propose(command(text));
            if (reply.isCompletedExceptionally()) {
                refused = reply;
            } else {
                taken.add(reply);
            }
            assertThat(taken.size()).as("the queue has a bound").isLessThan(1000);
        }
        CompletableFuture<Receipt> last = refused;
        assertThatThrownBy(() -> get(last))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.BACK_PRESSURED));
        applying.countDown();
        taken.forEach(TestCluster::get);
        assertThat(cluster.converged(group)).hasSize(taken.size());
    }

    @Test
    void readsAreAllowedOnTheLeader() {
        get(log.readable(false));
        get(log.readable(true));
        assertThat(log.readable(false)).isCompleted();
    }

    @Test
    void leadershipMovesToTheNamedPeer() {
        get(log.propose(command("before")));
        Node target = cluster.followers(group).get(1);
        get(log.transferLeadership(target.id));
        assertThat(cluster.leader(group)).isEqualTo(target);
        assertThat(get(target.log(group).propose(command("after"))).number()).isEqualTo(1);
        await().atMost(TestCluster.PATIENCE)
                .untilAsserted(
                        () ->
                                assertThat(leader.machine(group).roles())
                                        .anyMatch(
                                                role ->
                                                        !role.leads()
                                                                && role.leader()
                                                                        .filter(target.id::equals)
                                                                        .isPresent()));
        assertThat(target.machine(group).roles()).anyMatch(role -> role.leads());
        assertThatThrownBy(() -> get(log.transferLeadership(leader.id)))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.NOT_LEADER));
    }

    @Test
    void leadershipMovesToNoStranger() {
        assertThatThrownBy(() -> get(log.transferLeadership(UUID.randomUUID())))
                .hasMessageContaining("refused to transfer leadership");
        get(log.propose(command("still here")));
    }

    @Test
    void statusTellsRolesPositionsAndFollowers() {
        Receipt receipt = get(log.propose(command("c")));
        cluster.converged(group);
        await().atMost(TestCluster.PATIENCE)
                .untilAsserted(
                        () -> {
                            ReplicaStatus status = log.status();
                            assertThat(status.role()).isEqualTo(Role.LEADER);
                            assertThat(status.term()).isEqualTo(receipt.entry().term());
                            assertThat(status.leader()).contains(leader.id);
                            assertThat(status.applied()).isEqualTo(receipt.entry());
                            assertThat(status.durable()).isEqualTo(LogPosition.NONE);
                            assertThat(status.commitIndex()).isEqualTo(receipt.entry().index());
                            assertThat(status.logStartIndex()).isZero();
                            assertThat(status.logBytes()).isPositive();
                            assertThat(status.followers()).hasSize(2);
                            assertThat(status.followers())
                                    .allSatisfy(
                                            follower -> {
                                                assertThat(follower.matchIndex())
                                                        .isEqualTo(receipt.entry().index());
                                                assertThat(follower.lastContactMs())
                                                        .isLessThan(5000);
                                                assertThat(follower.needsBackfill()).isFalse();
                                            });
                        });
        ReplicaStatus follower = cluster.followers(group).get(0).log(group).status();
        assertThat(follower.role()).isEqualTo(Role.FOLLOWER);
        assertThat(follower.leader()).contains(leader.id);
        assertThat(follower.followers()).isEmpty();
    }

    @Test
    void creatingAGroupThatIsHereChangesNothing() {
        get(log.propose(command("c")));
        RaftGroupMembers members = cluster.members(group);
        cluster.nodes.forEach(node -> get(node.host.createGroup(members)));
        assertThat(cluster.converged(group)).containsExactly("c");
        assertThat(cluster.nodes).allMatch(node -> node.host.groups().contains(group));
    }

    @Test
    void groupOfOthersIsNotCreated() {
        UUID other = UUID.randomUUID();
        RaftGroupMembers members = new RaftGroupMembers(other, List.of(cluster.nodes.get(1).peer));
        assertThatThrownBy(() -> get(cluster.nodes.get(0).host.createGroup(members)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(cluster.nodes.get(0).host.groups()).doesNotContain(other);
    }

    @Test
    void removedGroupIsGoneAndItsStateMachineClosed() {
        get(log.propose(command("c")));
        for (Node node : cluster.nodes) {
            get(node.host.removeGroup(group, Long.MAX_VALUE));
            get(node.host.removeGroup(group, Long.MAX_VALUE));
            assertThat(node.host.groups()).doesNotContain(group);
            assertThat(node.host.log(group)).isEmpty();
            assertThat(node.machine(group).isClosed()).isTrue();
            assertThat(node.directory.resolve("raft").resolve(group.toString())).doesNotExist();
        }
        ByteBuf late = command("late");
        assertThatThrownBy(() -> get(log.propose(late)))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.NO_SUCH_GROUP));
        assertThat(late.refCnt()).isZero();
        assertThatThrownBy(() -> get(log.readable(true))).isInstanceOf(RefusedException.class);
    }
}
