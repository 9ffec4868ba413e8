package io.mirach.raft.ratis;

import static io.mirach.raft.ratis.TestCluster.command;
import static io.mirach.raft.ratis.TestCluster.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.raft.ratis.LedgerStateMachine.Receipt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplicationTest {
    @TempDir Path directory;

    @Test
    void commandsAreAppliedOnAllReplicasAndAnsweredInOrder() {
        try (TestCluster cluster = new TestCluster(directory, 3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            TestCluster.Node leader = cluster.leader(group);
            List<CompletableFuture<Receipt>> replies = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                replies.add(leader.log(group).propose(command("c" + i)));
            }
            long last = -1;
            for (int i = 0; i < replies.size(); i++) {
                Receipt receipt = get(replies.get(i));
                assertThat(receipt.number()).isEqualTo(last + 1);
                assertThat(receipt.command()).isEqualTo("c" + i);
                last = receipt.number();
            }
            assertThat(cluster.converged(group)).hasSize(200);
        }
    }

    @Test
    void restartOfAllKeepsWhatWasAcknowledged() {
        try (TestCluster cluster = new TestCluster(directory, 3, TestCluster::quick)) {
            UUID group = cluster.createGroup();
            TestCluster.Node leader = cluster.leader(group);
            for (int i = 0; i < 50; i++) {
                get(leader.log(group).propose(command("c" + i)));
            }
            List<String> before = cluster.converged(group);
            cluster.nodes.forEach(TestCluster.Node::stop);
            cluster.nodes.forEach(TestCluster.Node::start);
            assertThat(cluster.converged(group)).isEqualTo(before).hasSize(50);
            get(cluster.leader(group).log(group).propose(command("after")));
            assertThat(cluster.converged(group)).hasSize(51);
        }
    }
}
