package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import io.mirach.raft.ratis.TestCluster.Node;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A follower that is away for longer than the log is kept. */
class LaggingFollowerIT {
    private static final long MIB = 1 << 20;
    private static final long CHECKPOINT_BYTES = 4 * MIB;
    private static final long RETENTION_BYTES = 20 * MIB;
    // The open segment, preallocation, and what is written before a checkpoint is done.
    private static final long ROOM_BYTES = 24 * MIB;

    @TempDir Path directory;

    private static RaftHostConfig config(RaftHostConfig config) {
        return config(config, RETENTION_BYTES);
    }

    private static RaftHostConfig config(RaftHostConfig config, long retentionBytes) {
        RaftHostConfig quick = TestCluster.quick(config);
        return new RaftHostConfig(
                quick.peerId(),
                quick.storageDir(),
                quick.address(),
                quick.electionTimeoutMin(),
                quick.electionTimeoutMax(),
                quick.readLease(),
                quick.readLeaseInterval(),
                quick.maxEntryBytes(),
                quick.maxEntriesInFlight(),
                quick.maxQueuedBytes(),
                CHECKPOINT_BYTES,
                retentionBytes);
    }

    private static void write(ReplicatedLog<Receipt> log, long bytes) {
        String text = "x".repeat(256 << 10);
        List<CompletableFuture<Receipt>> replies = new ArrayList<>();
        for (long written = 0; written < bytes; written += text.length()) {
            replies.add(log.propose(command(text)));
            if (replies.size() == 16) {
                replies.forEach(TestCluster::get);
                replies.clear();
            }
        }
        replies.forEach(TestCluster::get);
    }

    private static ReplicaStatus.Follower follower(ReplicatedLog<Receipt> log, UUID peer) {
        return log.status().followers().stream()
                .filter(each -> each.peer().equals(peer))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void logStaysBoundedAndTheFollowerIsReportedWithoutSpinning() {
        try (TestCluster cluster =
                new TestCluster(
                        directory, 3, LaggingFollowerIT::config, LedgerStateMachine::discarding)) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            ReplicatedLog<Receipt> log = leader.log(group);
            write(log, MIB);
            Node away = cluster.followers(group).get(0);
            away.stop();
            write(log, 100 * MIB);
            ReplicaStatus status = log.status();
            assertThat(status.logStartIndex()).isPositive();
            assertThat(status.logBytes()).isLessThan(RETENTION_BYTES + ROOM_BYTES);
            assertThat(status.logBytes()).isGreaterThan(RETENTION_BYTES / 2);
            await().atMost(TestCluster.PATIENCE)
                    .until(() -> follower(log, away.id).needsBackfill());

            away.start();
            await().atMost(TestCluster.PATIENCE)
                    .until(() -> leader.followersToBackfill.contains(away.id));
            assertThat(follower(log, away.id).needsBackfill()).isTrue();
            assertNothingSpins(log, away);

            // The group goes on, and the follower does not disturb it.
            assertThat(log.status().term()).isEqualTo(status.term());
            write(log, MIB);
            assertThat(away.failures).isEmpty();
            assertThat(leader.failures).isEmpty();
        }
    }

    @Test
    void logStaysBoundedThoughNoLifeIsLongEnoughForACheckpoint() {
        try (TestCluster cluster =
                new TestCluster(
                        directory,
                        1,
                        config -> config(config, MIB),
                        LedgerStateMachine::discarding)) {
            UUID group = cluster.createGroup();
            Node node = cluster.nodes.get(0);
            for (int life = 0; life < 9; life++) {
                write(cluster.leader(group).log(group), CHECKPOINT_BYTES * 3 / 4);
                // A store makes its state durable by itself, too.
                node.machine(group).checkpoint();
                node.stop();
                node.start();
            }
            assertThat(cluster.leader(group).log(group).status().logBytes())
                    .isLessThan(MIB + ROOM_BYTES);
        }
    }

    private static void assertNothingSpins(ReplicatedLog<Receipt> log, Node away) {
        int notices = away.backfillNotices.size();
        long cpu = appenderCpuNanos();
        long start = System.nanoTime();
        long term = log.status().term();
        Duration watched = Duration.ofSeconds(5);
        await().atMost(TestCluster.PATIENCE)
                .until(() -> System.nanoTime() - start > watched.toNanos());
        // Once a second.
        assertThat(away.backfillNotices.size() - notices).isBetween(2, 8);
        assertThat(Duration.ofNanos(appenderCpuNanos() - cpu)).isLessThan(Duration.ofMillis(500));
        // It hears heartbeats, so it does not ask to be elected.
        assertThat(log.status().term()).isEqualTo(term);
        assertThat(follower(log, away.id).lastContactMs()).isLessThan(1500);
    }

    private static long appenderCpuNanos() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long sum = 0;
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().startsWith("mirach-raft-")) {
                sum += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
            }
        }
        return sum;
    }

    @Test
    void importedStateTakesThePlaceOfOneBeyondTheLog() {
        try (TestCluster cluster =
                new TestCluster(
                        directory, 4, LaggingFollowerIT::config, LedgerStateMachine::discarding)) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            ReplicatedLog<Receipt> log = leader.log(group);
            write(log, MIB);
            Node away = cluster.followers(group).get(0);
            Node spare = cluster.followers(group).get(1);
            away.stop();
            // The entry that says so is gone from the log as well when it comes back.
            List<Node> left = new ArrayList<>(cluster.nodes);
            left.remove(spare);
            LogPosition without =
                    TestCluster.get(log.changeMembers(ids(cluster.nodes), peers(left), List.of()));
            TestCluster.get(spare.host.removeGroup(group, without.index()));
            spare.stop();
            write(log, 60 * MIB);
            away.start();
            await().atMost(TestCluster.PATIENCE).until(() -> !away.backfillNotices.isEmpty());

            long from;
            try (ReplicatedLog.LogPin pin =
                    log.pin(leader.machine(group).appliedPosition().index(), () -> 200 * MIB)) {
                away.machine(group).importFrom(leader.machine(group));
                from = away.machine(group).imported().orElseThrow().index();
                write(log, 60 * MIB);
                // Only the pin has kept what the import needs now.
                assertThat(log.status().logStartIndex()).isLessThanOrEqualTo(from + 1);
                await().atMost(TestCluster.PATIENCE)
                        .until(() -> away.machine(group).logBase().index() == from);
                cluster.converged(group);
            }
            write(log, 60 * MIB);
            assertThat(log.status().logStartIndex()).isGreaterThan(from + 1);
            assertThat(cluster.converged(group)).hasSize(4 * (1 + 60 * 3));
            Members members = log.status().members();
            assertThat(members.voters()).isEqualTo(ids(left));
            assertThat(away.log(group).status().members()).isEqualTo(members);
            away.stop();
            away.start();
            assertThat(away.log(group).status().members()).isEqualTo(members);
            assertThat(away.failures).isEmpty();
        }
    }

    private static Set<UUID> ids(List<Node> nodes) {
        return nodes.stream().map(node -> node.id).collect(Collectors.toSet());
    }

    private static List<Peer> peers(List<Node> nodes) {
        return nodes.stream().map(node -> node.peer).toList();
    }

    @Test
    void importIsInPlaceWhenTheProcessDiesRightAfterIt() {
        try (TestCluster cluster =
                new TestCluster(
                        directory, 3, LaggingFollowerIT::config, LedgerStateMachine::discarding)) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            ReplicatedLog<Receipt> log = leader.log(group);
            write(log, MIB);
            Node away = cluster.followers(group).get(0);
            away.stop();
            write(log, 60 * MIB);
            // As if it had died between the installation and the end of the old log.
            LedgerStateMachine stopped =
                    LedgerStateMachine.discarding(away.directory.resolve(group + ".ledger"));
            stopped.importFrom(leader.machine(group));
            stopped.install();
            away.start();
            write(log, MIB);
            cluster.converged(group);
            assertThat(away.backfillNotices).isEmpty();
            away.stop();
            away.start();
            cluster.converged(group);
            assertThat(away.failures).isEmpty();
        }
    }

    @Test
    void followerWithinTheLogCatchesUpFromIt() {
        try (TestCluster cluster =
                new TestCluster(
                        directory, 3, LaggingFollowerIT::config, LedgerStateMachine::discarding)) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            ReplicatedLog<Receipt> log = leader.log(group);
            write(log, 30 * MIB);
            Node away = cluster.followers(group).get(0);
            away.stop();
            write(log, 6 * MIB);
            Receipt last = get(log.propose(command("last")));
            away.start();
            await().atMost(TestCluster.PATIENCE)
                    .until(
                            () ->
                                    away.machine(group).appliedPosition().index()
                                            >= last.entry().index());
            assertThat(follower(log, away.id).needsBackfill()).isFalse();
            assertThat(leader.followersToBackfill).isEmpty();
            assertThat(away.backfillNotices).isEmpty();
        }
    }
}
