package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.ReplicaLostException;
import io.mirach.raft.ratis.TestCluster.Node;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A group that lost its majority for good goes on as another one, from what one replica has. */
class SuccessionIT {
    private static final String OPEN = "never committed";

    @TempDir Path directory;

    private static List<String> write(TestCluster cluster, UUID group, String name, int entries) {
        List<String> written = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
            written.add(name + i);
            get(cluster.leader(group).log(group).propose(command(name + i)));
        }
        return written;
    }

    /** The leader, left alone with entries that nobody else has. */
    private static Node alone(TestCluster cluster, UUID group) {
        cluster.followers(group).get(0).stop();
        Node leader = cluster.leader(group);
        Node last = cluster.followers(group).get(0);
        CompletableFuture<Void> stopped = CompletableFuture.runAsync(last::stop);
        await().atMost(TestCluster.PATIENCE)
                .pollInterval(Duration.ofMillis(1))
                .until(
                        () -> {
                            leader.log(group).propose(command(OPEN));
                            return stopped.isDone();
                        });
        return leader;
    }

    /** What the successor holds: all that was acknowledged, and what only the log held. */
    private static List<String> takenOver(
            TestCluster cluster, Node survivor, UUID group, UUID next, List<String> acknowledged) {
        int applied = survivor.machine(group).commands().size();
        get(survivor.host.succeed(group, next, survivor.peer));
        return requireTakenOver(cluster, next, acknowledged, applied);
    }

    private static List<String> requireTakenOver(
            TestCluster cluster, UUID next, List<String> acknowledged, int applied) {
        List<String> all = cluster.leader(next).machine(next).commands();
        assertThat(all).startsWith(acknowledged.toArray(String[]::new));
        assertThat(all.subList(acknowledged.size(), all.size())).containsOnly(OPEN);
        assertThat(all).as("also what was not committed").hasSizeGreaterThan(applied);
        return new ArrayList<>(all);
    }

    private static void requireContents(TestCluster cluster, UUID group, List<String> expected) {
        Node leader = cluster.leader(group);
        await().atMost(TestCluster.PATIENCE)
                .untilAsserted(
                        () ->
                                assertThat(leader.machine(group).commands())
                                        .containsExactlyElementsOf(expected));
    }

    @Test
    void survivorGoesOnWithItsWholeLogAndTheOldMajorityWithoutIt() {
        try (TestCluster cluster = new TestCluster(directory, 3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            List<String> acknowledged = write(cluster, group, "a", 10);
            cluster.converged(group);
            Node survivor = alone(cluster, group);
            UUID next = UUID.randomUUID();
            List<String> expected = takenOver(cluster, survivor, group, next, acknowledged);
            expected.addAll(write(cluster, next, "b", 5));
            get(survivor.host.succeed(group, next, survivor.peer));
            requireContents(cluster, next, expected);

            cluster.nodes.stream().filter(node -> node != survivor).forEach(Node::start);
            write(cluster, group, "old", 5);
            assertThat(cluster.leader(group)).isNotSameAs(survivor);
            assertThat(survivor.host.groups()).containsExactly(next);
            assertThat(survivor.host.lostGroups()).containsOnlyKeys(group);
            requireContents(cluster, next, expected);

            survivor.stop();
            survivor.start();
            requireContents(cluster, next, expected);
            get(survivor.host.removeGroup(group, Long.MAX_VALUE));
            assertThat(survivor.host.lostGroups()).isEmpty();
            expected.addAll(write(cluster, next, "c", 1));
            survivor.stop();
            survivor.start();
            requireContents(cluster, next, expected);
            assertThat(survivor.failures).isEmpty();
        }
    }

    private static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static void crash() {
        throw new Crash();
    }

    private interface Fault {
        void prepare(Node survivor, UUID group);
    }

    private void requireFinishedAfter(Fault fault) {
        try (TestCluster cluster = new TestCluster(directory, 3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            List<String> acknowledged = write(cluster, group, "a", 10);
            cluster.converged(group);
            Node survivor = alone(cluster, group);
            int applied = survivor.machine(group).commands().size();
            fault.prepare(survivor, group);
            UUID next = UUID.randomUUID();
            CompletableFuture<Void> cut = survivor.host.succeed(group, next, survivor.peer);
            assertThatThrownBy(() -> get(cut)).isInstanceOf(Crash.class);
            survivor.stop();
            survivor.beforeHandOver = () -> {};
            survivor.afterHandOver = () -> {};
            survivor.start();
            assertThat(survivor.host.groups()).containsExactly(next);
            List<String> expected = requireTakenOver(cluster, next, acknowledged, applied);
            get(survivor.host.succeed(group, next, survivor.peer));
            expected.addAll(write(cluster, next, "b", 3));
            survivor.stop();
            survivor.start();
            requireContents(cluster, next, expected);
        }
    }

    @Test
    void startFinishesWhatWasCutOffBeforeTheStateWasHandedOver() {
        requireFinishedAfter((survivor, group) -> survivor.beforeHandOver = SuccessionIT::crash);
    }

    @Test
    void startFinishesWhatWasCutOffAfterTheStateWasHandedOver() {
        requireFinishedAfter((survivor, group) -> survivor.afterHandOver = SuccessionIT::crash);
    }

    @Test
    void lostReplicaIsNoSurvivor() throws Exception {
        try (TestCluster cluster = new TestCluster(directory, 3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            write(cluster, group, "a", 3);
            cluster.converged(group);
            Node node = cluster.followers(group).get(0);
            UUID unknown = UUID.randomUUID();
            assertThatThrownBy(() -> get(node.host.succeed(unknown, UUID.randomUUID(), node.peer)))
                    .isInstanceOf(ReplicaLostException.class);
            node.stop();
            Path current =
                    node.directory.resolve("raft").resolve(group.toString()).resolve("current");
            Files.delete(current.resolve("raft-meta"));
            Files.delete(current.resolve("raft-meta.copy"));
            node.start();
            assertThat(node.host.lostGroups()).containsOnlyKeys(group);
            assertThatThrownBy(() -> get(node.host.succeed(group, UUID.randomUUID(), node.peer)))
                    .isInstanceOf(ReplicaLostException.class);
            assertThat(node.host.groups()).isEmpty();
        }
    }
}
