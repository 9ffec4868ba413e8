package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.RaftHost;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import io.mirach.raft.ratis.TestCluster.Node;
import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.server.RaftServerConfigKeys.Log.CorruptionPolicy;
import org.apache.ratis.server.raftlog.segmented.LogSegment;
import org.apache.ratis.server.raftlog.segmented.LogSegmentPath;
import org.apache.ratis.util.SizeInBytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailoverIT {
    @TempDir Path directory;

    private TestCluster three() {
        return new TestCluster(directory, 3, TestCluster::quick);
    }

    /** Proposes to whoever leads until it is acknowledged; each command may arrive twice. */
    private static void acknowledge(TestCluster cluster, UUID group, String text) {
        await().atMost(TestCluster.PATIENCE)
                .pollDelay(Duration.ZERO)
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

    @Test
    void anotherServesWhatWasAcknowledgedWhenTheLeaderStops() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            for (int i = 0; i < 20; i++) {
                acknowledge(cluster, group, "before" + i);
            }
            Node stopped = cluster.leader(group);
            stopped.stop();
            Node next = cluster.leader(group);
            assertThat(next).isNotEqualTo(stopped);
            for (int i = 0; i < 20; i++) {
                assertThat(next.machine(group).commands()).contains("before" + i);
                acknowledge(cluster, group, "after" + i);
            }
            stopped.start();
            List<String> all = cluster.converged(group);
            assertThat(stopped.machine(group).commands()).isEqualTo(all);
            for (int i = 0; i < 20; i++) {
                assertThat(all).contains("before" + i, "after" + i);
            }
        }
    }

    @Test
    void restartOfAllKeepsWhatWasAcknowledged() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            for (int i = 0; i < 50; i++) {
                acknowledge(cluster, group, "c" + i);
            }
            List<String> before = cluster.converged(group);
            cluster.nodes.forEach(Node::stop);
            cluster.nodes.forEach(Node::start);
            assertThat(cluster.nodes).allMatch(node -> node.host.groups().contains(group));
            assertThat(cluster.converged(group)).isEqualTo(before).hasSizeGreaterThanOrEqualTo(50);
            acknowledge(cluster, group, "after");
            assertThat(cluster.converged(group)).contains("after");
        }
    }

    @Test
    void groupWhoseMembersRestartBeforeTheFirstElectionElectsALeader() {
        try (TestCluster cluster = three()) {
            UUID group = UUID.randomUUID();
            // One at a time: no two are there together, so none can be elected.
            cluster.nodes.forEach(Node::stop);
            for (Node node : cluster.nodes) {
                node.start();
                get(node.host.createGroup(cluster.members(group)));
                node.stop();
            }
            cluster.nodes.forEach(Node::start);
            acknowledge(cluster, group, "c");
            assertThat(cluster.converged(group)).containsExactly("c");
        }
    }

    @Test
    void closingTheHostCompletesAllThatIsPending() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            // Without a majority nothing commits, so all of this stays pending.
            cluster.followers(group).forEach(Node::stop);
            ReplicatedLog<Receipt> log = leader.log(group);
            List<CompletableFuture<Receipt>> replies = new ArrayList<>();
            List<ByteBuf> commands = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                ByteBuf command = command("c" + i);
                commands.add(command);
                replies.add(log.propose(command));
            }
            CompletableFuture<Void> read = log.readable(true);
            leader.stop();
            for (CompletableFuture<Receipt> reply : replies) {
                assertThatThrownBy(() -> get(reply))
                        .isInstanceOfAny(RefusedException.class, OutcomeUnknownException.class);
            }
            assertThatThrownBy(() -> get(read)).isInstanceOf(RefusedException.class);
            assertThat(commands).allMatch(command -> command.refCnt() == 0);
            assertThat(leader.failures).isEmpty();
        }
    }

    @Test
    void leaderWithoutAMajorityCompletesWhatIsPendingAndLeadsNoMore() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            ReplicatedLog<Receipt> log = leader.log(group);
            CountDownLatch applying = new CountDownLatch(1);
            leader.machine(group).duringApply(() -> awaitQuietly(applying));
            CompletableFuture<Receipt> pending = log.propose(command("c"));
            cluster.followers(group).forEach(Node::stop);
            assertThatThrownBy(() -> get(pending)).isInstanceOf(OutcomeUnknownException.class);
            await().atMost(TestCluster.PATIENCE)
                    .untilAsserted(
                            () ->
                                    assertThatThrownBy(() -> get(log.propose(command("no"))))
                                            .isInstanceOfSatisfying(
                                                    RefusedException.class,
                                                    e ->
                                                            assertThat(e.reason())
                                                                    .isEqualTo(Reason.NOT_LEADER)));
            applying.countDown();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void leaderWhosePeersDoNotConfirmItsLeaseAnswersNoReads() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            ReplicatedLog<Receipt> log = leader.log(group);
            leader.leaseAnswers = false;
            await().atMost(Duration.ofSeconds(2)).until(() -> !log.readable(false).isDone());
            assertThatThrownBy(() -> get(log.readable(false)))
                    .isInstanceOfSatisfying(
                            RefusedException.class,
                            e -> assertThat(e.reason()).isEqualTo(Reason.NOT_READY));
            assertThatThrownBy(() -> get(log.readable(true))).isInstanceOf(RefusedException.class);
            // Writes need no lease: a majority takes part in each.
            get(log.propose(command("c")));
            leader.leaseAnswers = true;
            get(log.readable(false));
        }
    }

    @Test
    void newLeaderAcknowledgesNothingBeforeOlderLeasesEnded() {
        // A lease far longer than an election, so that the wait can be seen.
        Duration lease = Duration.ofMillis(2500);
        try (TestCluster cluster =
                new TestCluster(directory, 3, config -> withLease(config, lease))) {
            UUID group = cluster.createGroup();
            Node old = cluster.leader(group);
            Node next = cluster.followers(group).get(0);
            get(old.log(group).propose(command("before")));
            get(old.log(group).transferLeadership(next.id));
            long elected = System.nanoTime();
            CompletableFuture<Receipt> write = next.log(group).propose(command("after"));
            get(write);
            Duration waited = Duration.ofNanos(System.nanoTime() - elected);
            // The transfer is told a little after the election.
            assertThat(waited).isBetween(lease.minusMillis(1000), lease.plusMillis(3000));
        }
    }

    private static RaftHostConfig withLease(RaftHostConfig config, Duration lease) {
        RaftHostConfig quick = TestCluster.quick(config);
        return new RaftHostConfig(
                quick.peerId(),
                quick.storageDir(),
                quick.address(),
                quick.electionTimeoutMin(),
                quick.electionTimeoutMax(),
                lease,
                quick.readLeaseInterval(),
                quick.maxEntryBytes(),
                quick.maxEntriesInFlight(),
                quick.maxQueuedBytes(),
                quick.checkpointBytes(),
                quick.logRetentionBytes());
    }

    @Test
    void applyThatFailsStopsTheReplicaAndIsReportedOnce() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            leader.machine(group).failNextApply(new IllegalStateException("disk gone"));
            CompletableFuture<Receipt> reply = leader.log(group).propose(command("c"));
            assertThatThrownBy(() -> get(reply)).isInstanceOf(OutcomeUnknownException.class);
            await().atMost(TestCluster.PATIENCE).until(() -> !leader.failures.isEmpty());
            assertThat(leader.failures).hasSize(1);
            assertThat(leader.failures.get(0)).contains("could not be applied");
            // The process ends then; the others go on.
            leader.stop();
            acknowledge(cluster, group, "after");
            assertThat(cluster.converged(group)).containsExactly("c", "after");
            assertThat(leader.failures).hasSize(1);
        }
    }

    @Test
    void checkpointThatFailsIsReported() {
        try (TestCluster cluster =
                new TestCluster(directory, 1, config -> withCheckpointBytes(config, 1000))) {
            UUID group = cluster.createGroup();
            Node alone = cluster.leader(group);
            alone.machine(group).failNextCheckpoint(new IllegalStateException("disk full"));
            get(alone.log(group).propose(command("x".repeat(1000))));
            await().atMost(TestCluster.PATIENCE).until(() -> !alone.failures.isEmpty());
            assertThat(alone.failures.get(0)).contains("checkpoint");
        }
    }

    static RaftHostConfig withCheckpointBytes(RaftHostConfig config, long bytes) {
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
                bytes,
                quick.logRetentionBytes());
    }

    @Test
    void replayBeginsBehindTheCheckpoint() {
        try (TestCluster cluster =
                new TestCluster(directory, 1, config -> withCheckpointBytes(config, 1000))) {
            UUID group = cluster.createGroup();
            Node alone = cluster.leader(group);
            for (int i = 0; i < 30; i++) {
                get(alone.log(group).propose(command("c".repeat(100) + i)));
            }
            await().atMost(TestCluster.PATIENCE)
                    .until(() -> alone.log(group).status().durable().index() > 5);
            List<String> before = alone.machine(group).commands();
            alone.stop();
            alone.start();
            long durable = alone.machine(group).durablePosition().index();
            assertThat(durable).isGreaterThan(5);
            cluster.leader(group);
            // The ledger itself refuses an entry that is applied twice or left out.
            assertThat(alone.machine(group).commands()).isEqualTo(before);
            get(alone.log(group).propose(command("after")));
            assertThat(alone.failures).isEmpty();
        }
    }

    @Test
    void entryThatWasBeingWrittenWhenAReplicaDiedIsCutAndComesAgain() throws IOException {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            for (int i = 0; i < 5; i++) {
                acknowledge(cluster, group, "c".repeat(3000) + i);
            }
            List<String> before = cluster.converged(group);
            Node torn = cluster.followers(group).get(0);
            torn.stop();
            Path log = torn.directory.resolve("raft").resolve(group + "/current");
            Path segment;
            try (var files = Files.newDirectoryStream(log, "log_inprogress_*")) {
                segment = files.iterator().next();
            }
            // As kill -9 leaves it: behind what is whole the first half of an entry, then the
            // zeroes that were there before.
            byte[] whole = Files.readAllBytes(segment);
            byte[] bytes = Arrays.copyOf(whole, whole.length + 100_000);
            byte[] half = Arrays.copyOf(nextEntry(segment), 1500);
            System.arraycopy(half, 0, bytes, whole.length, half.length);
            Files.write(segment, bytes);
            torn.start();
            assertThat(cluster.converged(group)).isEqualTo(before);
            acknowledge(cluster, group, "after");
            assertThat(cluster.converged(group)).hasSize(before.size() + 1);
        }
    }

    /** An entry that could stand behind the last one of a segment, as it is written there. */
    private static byte[] nextEntry(Path segment) throws IOException {
        List<LogEntryProto> entries = new ArrayList<>();
        LogSegment.readSegmentFile(
                segment.toFile(),
                LogSegmentPath.matchLogSegment(segment).getStartEnd(),
                SizeInBytes.valueOf("4MB"),
                CorruptionPolicy.EXCEPTION,
                null,
                entries::add);
        LogEntryProto last = entries.get(entries.size() - 1);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        last.toBuilder().setIndex(last.getIndex() + 1).build().writeDelimitedTo(bytes);
        return bytes.toByteArray();
    }

    @Test
    void logOfAGroupThatWasBeingRemovedIsDeletedAtTheNextStart() throws IOException {
        try (TestCluster cluster = new TestCluster(directory, 1, TestCluster::quick)) {
            Node alone = cluster.nodes.get(0);
            alone.stop();
            Path half =
                    alone.directory.resolve("raft").resolve("removed-" + UUID.randomUUID() + "-x");
            Files.createDirectories(half.resolve("current"));
            Files.write(half.resolve("current").resolve("log_0-9"), new byte[10]);
            alone.start();
            assertThat(half).doesNotExist();
            assertThat(alone.host.groups()).isEmpty();
        }
    }

    @Test
    void takenAddressFailsTheStartAndLeavesNothingRunning() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            UUID id = UUID.randomUUID();
            RaftHostConfig config =
                    RaftHostConfig.defaults(
                            id, directory.resolve("raft"), "127.0.0.1:" + taken.getLocalPort());
            assertThatThrownBy(() -> startAlone(config))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("127.0.0.1:" + taken.getLocalPort());
            String shortId = id.toString().substring(0, 8);
            await().atMost(TestCluster.PATIENCE)
                    .until(
                            () ->
                                    Thread.getAllStackTraces().keySet().stream()
                                            .noneMatch(
                                                    thread ->
                                                            thread.getName().contains("mirach-")
                                                                    && thread.getName()
                                                                            .contains(shortId)));
        }
    }

    private static RaftHost startAlone(RaftHostConfig config) throws IOException {
        return RatisHost.start(
                config,
                group -> {
                    throw new IllegalStateException("no group expected");
                },
                (from, to, claims) -> CompletableFuture.completedFuture(Set.of()),
                (what, cause) -> {});
    }

    @Test
    void hostWithoutGroupsStartsAndCloses() throws IOException {
        RaftHostConfig config =
                RaftHostConfig.defaults(
                        UUID.randomUUID(),
                        directory.resolve("raft"),
                        "127.0.0.1:" + TestCluster.freePort());
        try (RaftHost host = startAlone(config)) {
            assertThat(host.groups()).isEmpty();
            assertThat(host.log(UUID.randomUUID())).isEmpty();
            host.close();
            assertThatThrownBy(() -> host.removeGroup(UUID.randomUUID(), Long.MAX_VALUE).join())
                    .isInstanceOf(CompletionException.class);
        }
    }

    @Test
    void replyIsNotLostWhenTheLeaderStepsDownWhileApplying() {
        try (TestCluster cluster = three()) {
            UUID group = cluster.createGroup();
            Node leader = cluster.leader(group);
            CountDownLatch applying = new CountDownLatch(1);
            leader.machine(group).duringApply(() -> awaitQuietly(applying));
            List<CompletableFuture<Receipt>> replies = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                replies.add(leader.log(group).propose(command("c" + i)));
            }
            Node target = cluster.followers(group).get(0);
            CompletableFuture<Void> moved = leader.log(group).transferLeadership(target.id);
            await().atMost(TestCluster.PATIENCE).until(moved::isDone);
            applying.countDown();
            // Applied, refused or unknown, but never forgotten.
            for (CompletableFuture<Receipt> reply : replies) {
                try {
                    get(reply);
                } catch (RefusedException | OutcomeUnknownException e) {
                    assertThat(reply).isCompletedExceptionally();
                }
            }
            cluster.converged(group);
        }
    }
}
