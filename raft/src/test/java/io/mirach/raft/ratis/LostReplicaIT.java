package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReplicaLostException;
import io.mirach.raft.ratis.TestCluster.Node;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts that find a log on their disk that is not as they left it. */
class LostReplicaIT {
    @TempDir Path directory;

    private TestCluster cluster(int size, UnaryOperator<RaftHostConfig> configure) {
        return new TestCluster(directory, size, configure);
    }

    private static Path current(Node node, UUID group) {
        return node.directory.resolve("raft").resolve(group.toString()).resolve("current");
    }

    private static List<Path> segments(Node node, UUID group) throws IOException {
        try (Stream<Path> files = Files.list(current(node, group))) {
            return files.filter(file -> file.getFileName().toString().startsWith("log_"))
                    .sorted(Comparator.comparing(Path::getFileName))
                    .toList();
        }
    }

    private static void write(TestCluster cluster, UUID group, int entries) {
        for (int i = 0; i < entries; i++) {
            get(cluster.leader(group).log(group).propose(command("c".repeat(2000) + i)));
        }
    }

    @Test
    void damagedReplicaIsLostAndTheOthersOfItsDirAreServed() throws IOException {
        try (TestCluster cluster = cluster(3, TestCluster::quick)) {
            UUID hurt = cluster.createGroup();
            UUID well = cluster.createGroup();
            write(cluster, hurt, 10);
            write(cluster, well, 10);
            cluster.converged(hurt);
            Node node = cluster.followers(hurt).get(0);
            node.stop();
            Path segment = segments(node, hurt).get(0);
            byte[] bytes = Files.readAllBytes(segment);
            bytes[new Random(3).nextInt(bytes.length)] ^= 4;
            Files.write(segment, bytes);
            for (int start = 0; start < 2; start++) {
                node.start();
                assertThat(node.host.lostGroups()).containsOnlyKeys(hurt);
                assertThat(node.host.lostGroups().get(hurt)).contains(" is damaged");
                assertThat(node.host.groups()).containsExactly(well);
                assertThat(node.host.log(hurt)).isEmpty();
                assertThat(node.machine(hurt).isClosed()).isTrue();
                assertThatThrownBy(() -> get(node.host.createGroup(cluster.members(hurt))))
                        .isInstanceOf(ReplicaLostException.class)
                        .hasMessageContaining(" is damaged");
                write(cluster, hurt, 1);
                write(cluster, well, 1);
                cluster.converged(well);
                assertThat(node.failures).isEmpty();
                node.stop();
            }
            // Kept as it was found.
            try (Stream<Path> all = Files.walk(node.directory.resolve("raft"))) {
                List<Path> kept =
                        all.filter(file -> file.endsWith(segment.getFileName()))
                                .filter(file -> file.toString().contains("lost-" + hurt))
                                .toList();
                assertThat(kept).hasSize(1);
                assertThat(Files.readAllBytes(kept.get(0))).isEqualTo(bytes);
            }
        }
    }

    @Test
    void lostReplicaIsRemovedByOrder() throws IOException {
        try (TestCluster cluster = cluster(3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            write(cluster, group, 3);
            Node node = cluster.followers(group).get(0);
            node.stop();
            Files.delete(current(node, group).resolve("raft-meta.conf"));
            Files.delete(current(node, group).resolve("raft-meta.conf.copy"));
            node.start();
            assertThat(node.host.lostGroups()).containsOnlyKeys(group);
            get(node.host.removeGroup(group, Long.MAX_VALUE));
            assertThat(node.host.lostGroups()).isEmpty();
            assertThat(node.directory.resolve("raft")).isEmptyDirectory();
        }
    }

    /** No checkpoint was taken, so the state machine knows of nothing that is missing. */
    @Test
    void newestSegmentThatVanishedAfterAKillIsMissed() throws IOException {
        try (TestCluster cluster = cluster(3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            write(cluster, group, 3);
            cluster.converged(group);
            Node node = cluster.followers(group).get(0);
            node.stop();
            List<Path> segments = segments(node, group);
            Files.delete(segments.get(segments.size() - 1));
            node.start();
            assertThat(node.host.lostGroups().get(group))
                    .contains("is applied: entries were lost on this disk");
        }
    }

    @Test
    void logThatEndsBeforeWhatIsDurableIsLost() throws IOException {
        try (TestCluster cluster =
                cluster(1, config -> FailoverIT.withCheckpointBytes(config, 1000))) {
            UUID group = cluster.createGroup();
            Node alone = cluster.leader(group);
            write(cluster, group, 1);
            await().atMost(TestCluster.PATIENCE)
                    .until(() -> alone.log(group).status().durable().index() > 0);
            alone.stop();
            for (Path segment : segments(alone, group)) {
                Files.delete(segment);
            }
            Files.delete(alone.directory.resolve("raft").resolve("applied-" + group));
            alone.start();
            assertThat(alone.host.lostGroups().get(group)).contains("entries were lost");
        }
    }
}
