package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.MembersRefusedException;
import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RefusedException;
import io.mirach.raft.ReplicaStatus.Role;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import io.mirach.raft.ratis.TestCluster.Node;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Members come and go. */
class MembershipIT {
    // Several election timeouts.
    private static final Duration A_WHILE = Duration.ofSeconds(3);

    @TempDir Path directory;

    private TestCluster cluster;
    private UUID group;
    private Node leader;
    private Node other;
    private Node third;

    @BeforeEach
    void threeVoters() {
        cluster = new TestCluster(directory, 3, TestCluster::quick);
        group = cluster.createGroup();
        leader = cluster.leader(group);
        other = cluster.followers(group).get(0);
        third = cluster.followers(group).get(1);
        write("before");
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    private static Set<UUID> ids(Collection<Node> nodes) {
        return nodes.stream().map(node -> node.id).collect(Collectors.toSet());
    }

    private static List<Peer> peers(Collection<Node> nodes) {
        return nodes.stream().map(node -> node.peer).toList();
    }

    private CompletableFuture<LogPosition> ask(
            Node asked, List<Node> expected, List<Node> voters, List<Node> learners) {
        return asked.log(group).changeMembers(ids(expected), peers(voters), peers(learners));
    }

    /** Asks whoever leads until it is so. */
    private LogPosition change(List<Node> expected, List<Node> voters, List<Node> learners) {
        List<LogPosition> done = new ArrayList<>();
        await().atMost(TestCluster.PATIENCE)
                .until(
                        () -> {
                            try {
                                done.add(
                                        get(
                                                ask(
                                                        cluster.leader(group),
                                                        expected,
                                                        voters,
                                                        learners)));
                                return true;
                            } catch (RefusedException | OutcomeUnknownException e) {
                                return false;
                            } catch (MembersRefusedException e) {
                                assertThat(e.reason())
                                        .isEqualTo(MembersRefusedException.Reason.CHANGE_UNDER_WAY);
                                return false;
                            }
                        });
        return done.get(0);
    }

    private void write(String text) {
        await().atMost(TestCluster.PATIENCE)
                .until(
                        () -> {
                            try {
                                get(cluster.leader(group).log(group).propose(command(text)));
                                return true;
                            } catch (RefusedException | OutcomeUnknownException e) {
                                return false;
                            }
                        });
    }

    private LogPosition removeThird() {
        return change(List.of(leader, other, third), List.of(leader, other), List.of());
    }

    private void createLearner(Node node, LogPosition without) {
        get(
                node.host.createLearner(
                        new RaftGroupMembers(group, peers(List.of(leader, other))),
                        node.peer,
                        without));
    }

    private Members membersAt(Node node) {
        return node.log(group).status().members();
    }

    /** Waits until a replica has applied what its leader has applied by now. */
    private void awaitFollows(Node node) {
        List<String> expected = cluster.leader(group).machine(group).commands();
        await().atMost(TestCluster.PATIENCE)
                .untilAsserted(
                        () ->
                                assertThat(node.machine(group).commands())
                                        .hasSizeGreaterThanOrEqualTo(expected.size()));
        assertThat(node.machine(group).commands()).startsWith(expected.toArray(String[]::new));
    }

    @Test
    void wipedVoterLearnsByTheLogAndVotesAgainUnderLoad() throws Exception {
        try (Load load = new Load()) {
            LogPosition without = removeThird();
            assertThat(membersAt(leader))
                    .isEqualTo(new Members(ids(List.of(leader, other)), Set.of(), false));
            get(third.host.removeGroup(group, Long.MAX_VALUE));
            Files.deleteIfExists(third.directory.resolve(group + ".ledger"));
            createLearner(third, without);
            createLearner(third, without);
            load.some();
            change(List.of(leader, other), List.of(leader, other), List.of(third));
            awaitFollows(third);
            assertThat(membersAt(leader).learners()).containsExactly(third.id);
            load.some();
            change(List.of(leader, other), List.of(leader, other, third), List.of());
            assertThat(membersAt(leader))
                    .isEqualTo(new Members(ids(cluster.nodes), Set.of(), false));
            load.some();
        }
        assertThat(cluster.nodes).allMatch(node -> node.failures.isEmpty());
        // Its vote and its copy count: without another one, the group goes on.
        leader.stop();
        write("after");
        cluster.converged(group);
    }

    @Test
    void lostReplicaIsMadeAnewBesideItsStateAndWhatWasSetAsideStays() throws IOException {
        cluster.converged(group);
        third.machine(group).checkpoint();
        third.stop();
        Path current = third.directory.resolve("raft").resolve(group.toString()).resolve("current");
        try (Stream<Path> files = Files.list(current)) {
            for (Path file : files.toList()) {
                if (file.getFileName().toString().startsWith("log_")) {
                    Files.delete(file);
                }
            }
        }
        third.start();
        assertThat(third.host.lostGroups()).containsOnlyKeys(group);
        LogPosition without = removeThird();
        createLearner(third, without);
        assertThat(third.host.lostGroups()).isEmpty();
        change(List.of(leader, other), List.of(leader, other), List.of(third));
        write("meanwhile");
        awaitFollows(third);
        // Its log begins behind its state, which is no loss.
        third.stop();
        third.start();
        assertThat(third.host.lostGroups()).isEmpty();
        change(List.of(leader, other), List.of(leader, other, third), List.of());
        write("after");
        assertThat(cluster.converged(group)).contains("before", "meanwhile", "after");
        try (Stream<Path> files = Files.list(third.directory.resolve("raft"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .anyMatch(name -> name.startsWith("replaced-" + group))
                    .noneMatch(name -> name.startsWith("lost-"));
        }
    }

    /**
     * A leader of an older configuration is not heard either: nobody is unseated, no term grows.
     */
    @Test
    void removedReplicaThatWasAwayDoesNotDisturb() {
        third.stop();
        removeThird();
        long term = leader.log(group).status().term();
        third.start();
        assertQuiet(term);
        assertThat(third.machine(group).isClosed()).isFalse();
        get(third.host.removeGroup(group, Long.MAX_VALUE));
    }

    @Test
    void removedReplicaThatWasThereDoesNotDisturb() {
        removeThird();
        assertQuiet(leader.log(group).status().term());
        assertThat(third.machine(group).isClosed()).isFalse();
        get(third.host.removeGroup(group, Long.MAX_VALUE));
    }

    private void assertQuiet(long term) {
        await().during(A_WHILE)
                .atMost(TestCluster.PATIENCE)
                .until(
                        () ->
                                leader.log(group).status().role() == Role.LEADER
                                        && leader.log(group).status().term() == term);
        assertThat(third.failures).isEmpty();
        assertThat(cluster.leader(group)).isEqualTo(leader);
    }

    /** As if the configuration that makes it a voter were one of its former life. */
    @Test
    void configurationOfAFormerLifeGivesNoVote() {
        LogPosition without = removeThird();
        get(third.host.removeGroup(group, Long.MAX_VALUE));
        createLearner(third, new LogPosition(without.term(), without.index() + 1_000_000));
        change(List.of(leader, other), List.of(leader, other), List.of(third));
        change(List.of(leader, other), List.of(leader, other, third), List.of());
        awaitFollows(third);
        leader.stop();
        await().during(A_WHILE)
                .atMost(TestCluster.PATIENCE)
                .until(
                        () ->
                                other.log(group).status().role() != Role.LEADER
                                        && third.log(group).status().role() != Role.LEADER);
        assertThat(third.failures).isEmpty();
    }

    @Test
    void learnerGivesNoVote() {
        LogPosition without = removeThird();
        get(third.host.removeGroup(group, Long.MAX_VALUE));
        createLearner(third, without);
        change(List.of(leader, other), List.of(leader, other), List.of(third));
        awaitFollows(third);
        leader.stop();
        await().during(A_WHILE)
                .atMost(TestCluster.PATIENCE)
                .until(
                        () ->
                                other.log(group).status().role() != Role.LEADER
                                        && third.log(group).status().role() != Role.LEADER);
        leader.start();
        write("after");
        awaitFollows(third);
        assertThat(third.failures).isEmpty();
    }

    @Test
    void othersThanExpectedAreToldAndNothingChanges() {
        removeThird();
        assertThatThrownBy(
                        () ->
                                get(
                                        ask(
                                                leader,
                                                List.of(leader, other, third),
                                                List.of(leader, third),
                                                List.of())))
                .isInstanceOfSatisfying(
                        MembersRefusedException.class,
                        e -> {
                            assertThat(e.reason())
                                    .isEqualTo(MembersRefusedException.Reason.OTHER_VOTERS);
                            assertThat(e.actual().voters()).isEqualTo(ids(List.of(leader, other)));
                        });
        assertThat(membersAt(leader).voters()).isEqualTo(ids(List.of(leader, other)));
    }

    @Test
    void askingForWhatIsInForceSucceedsWhateverWasExpected() {
        LogPosition first = removeThird();
        assertThat(get(ask(leader, List.of(), List.of(other, leader), List.of()))).isEqualTo(first);
    }

    @Test
    void leaderIsNotSentAway() {
        await().atMost(TestCluster.PATIENCE)
                .ignoreExceptionsMatching(RefusedException.class::isInstance)
                .untilAsserted(
                        () -> {
                            // Whoever leads by now.
                            Node leads = cluster.leader(group);
                            List<Node> others = new ArrayList<>(cluster.nodes);
                            others.remove(leads);
                            try {
                                get(ask(leads, cluster.nodes, others, List.of()));
                                fail("the leader was sent away");
                            } catch (MembersRefusedException e) {
                                assertThat(e.reason())
                                        .isEqualTo(MembersRefusedException.Reason.NOT_ALLOWED);
                            }
                        });
    }

    @Test
    void followerChangesNothing() {
        assertThatThrownBy(() -> get(ask(other, cluster.nodes, List.of(leader, other), List.of())))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> {
                            assertThat(e.reason()).isEqualTo(RefusedException.Reason.NOT_LEADER);
                            assertThat(e.leaderHint()).contains(leader.id);
                        });
    }

    @Test
    void changeThatALeaderLeftBehindIsAskedOfTheNext() {
        // It does not answer, so the change does not end.
        Peer nobody = new Peer(UUID.randomUUID(), "127.0.0.1:" + TestCluster.freePort());
        CompletableFuture<LogPosition> unfinished =
                leader.log(group)
                        .changeMembers(ids(cluster.nodes), peers(cluster.nodes), List.of(nobody));
        await().atMost(TestCluster.PATIENCE)
                .untilAsserted(
                        () ->
                                assertThatThrownBy(
                                                () ->
                                                        get(
                                                                ask(
                                                                        leader,
                                                                        cluster.nodes,
                                                                        List.of(leader, other),
                                                                        List.of())))
                                        .isInstanceOfSatisfying(
                                                MembersRefusedException.class,
                                                e ->
                                                        assertThat(e.reason())
                                                                .isEqualTo(
                                                                        MembersRefusedException
                                                                                .Reason
                                                                                .CHANGE_UNDER_WAY)));
        leader.stop();
        assertThatThrownBy(() -> get(unfinished)).isInstanceOf(OutcomeUnknownException.class);
        List<Node> left = List.of(other, third);
        change(cluster.nodes, left, List.of());
        write("after");
        assertThat(membersAt(cluster.leader(group)))
                .isEqualTo(new Members(ids(left), Set.of(), false));
        // The former leader knows nothing of it, and takes no part.
        Node next = cluster.leader(group);
        long term = next.log(group).status().term();
        leader.start();
        await().during(A_WHILE)
                .atMost(TestCluster.PATIENCE)
                .until(() -> next.log(group).status().term() == term);
        assertThat(leader.failures).isEmpty();
    }

    /** To its leader, too, it is a voter like the others. */
    @Test
    void voterThatCameInAsALearnerHoldsUpNoChangeWhenItIsAway() {
        cluster.close();
        cluster = new TestCluster(directory.resolve("four"), 4, TestCluster::quick);
        group = cluster.createGroup();
        leader = cluster.leader(group);
        other = cluster.followers(group).get(0);
        third = cluster.followers(group).get(1);
        Node spare = cluster.followers(group).get(2);
        LogPosition withoutSpare = change(cluster.nodes, List.of(leader, other, third), List.of());
        get(spare.host.removeGroup(group, withoutSpare.index()));
        LogPosition without = removeThird();
        get(third.host.removeGroup(group, without.index()));
        createLearner(third, without);
        change(List.of(leader, other), List.of(leader, other), List.of(third));
        List<Node> three = List.of(leader, other, third);
        LogPosition whole = change(List.of(leader, other), three, List.of());
        third.stop();
        createLearner(spare, whole);
        change(three, three, List.of(spare));
        change(three, List.of(leader, other, spare), List.of());
        other.stop();
        write("after");
        cluster.converged(group);
    }

    @Test
    void lateOrderToRemoveDoesNotHitAReplicaThatIsAMemberAgain() {
        LogPosition without = removeThird();
        get(third.host.removeGroup(group, without.index()));
        createLearner(third, without);
        change(List.of(leader, other), List.of(leader, other), List.of(third));
        change(List.of(leader, other), List.of(leader, other, third), List.of());
        awaitFollows(third);
        assertThatThrownBy(() -> get(third.host.removeGroup(group, without.index())))
                .isInstanceOf(MembersRefusedException.class);
        LogPosition again = change(cluster.nodes, List.of(leader, other), List.of());
        get(third.host.removeGroup(group, again.index()));
        assertThat(third.host.groups()).isEmpty();
    }

    @Test
    void changeIsGivenUpIfANewMemberDoesNotAnswer() {
        Peer nobody = new Peer(UUID.randomUUID(), "127.0.0.1:" + TestCluster.freePort());
        assertThatThrownBy(
                        () ->
                                get(
                                        leader.log(group)
                                                .changeMembers(
                                                        ids(cluster.nodes),
                                                        peers(cluster.nodes),
                                                        List.of(nobody))))
                .isInstanceOfSatisfying(
                        MembersRefusedException.class,
                        e ->
                                assertThat(e.reason())
                                        .isEqualTo(MembersRefusedException.Reason.NO_PROGRESS));
        assertThat(membersAt(leader)).isEqualTo(new Members(ids(cluster.nodes), Set.of(), false));
        write("after");
    }

    /** One client that writes, and reads that must see all that was acknowledged. */
    private final class Load implements AutoCloseable {
        private final List<String> wrong = new CopyOnWriteArrayList<>();
        private final Thread thread = new Thread(this::run, "load");
        private volatile boolean stopped;
        private final AtomicInteger reads = new AtomicInteger();
        private int acknowledged;

        Load() {
            thread.start();
        }

        private void run() {
            while (!stopped) {
                for (Node node : cluster.nodes) {
                    try {
                        ReplicatedLog<Receipt> log = node.log(group);
                        acknowledged =
                                Math.max(
                                        acknowledged,
                                        (int) get(log.propose(command("load"))).number() + 1);
                    } catch (RuntimeException e) {
                        // Does not lead, is not there, or leads no more.
                    }
                    read(node);
                }
            }
        }

        private void read(Node node) {
            int before = acknowledged;
            try {
                get(node.log(group).readable(false));
                int seen = node.machine(group).commands().size();
                reads.incrementAndGet();
                if (seen < before) {
                    wrong.add(node.id + " answers " + seen + " of " + before);
                }
            } catch (RuntimeException e) {
                // Does not lead, or is not there.
            }
        }

        /** Waits for reads that began after this call. */
        void some() {
            int enough = reads.get() + 20;
            await().atMost(TestCluster.PATIENCE).until(() -> reads.get() > enough);
        }

        @Override
        public void close() throws InterruptedException {
            stopped = true;
            thread.join();
            assertThat(wrong).isEmpty();
        }
    }
}
