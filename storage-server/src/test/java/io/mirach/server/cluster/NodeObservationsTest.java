package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.StorageNode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.placement.ClusterSight;
import io.mirach.server.placement.LeaderView;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class NodeObservationsTest {
    private static final long REPLACE_AFTER_MS = 600_000;

    private static final UUID GROUP = new UUID(3, 1);

    private long nowNanos;
    private final NodeObservations seen = new NodeObservations(() -> nowNanos);
    private ClusterImage image = MetaFixtures.after(MetaFixtures.form()).image().orElseThrow();

    private void pass(long ms) {
        nowNanos += TimeUnit.MILLISECONDS.toNanos(ms);
    }

    private void heard(StorageNode node) {
        seen.heard(new NodeHeartbeat(node, List.of(), List.of(), List.of()));
    }

    private ClusterSight sight(long replaceAfterMs, long nowMs) {
        return seen.sight(image, replaceAfterMs, nowMs, migration -> false);
    }

    @Test
    void nodeIsAwayOnceItWasNotHeardForLong() {
        heard(MetaFixtures.node(2));
        pass(REPLACE_AFTER_MS);
        heard(MetaFixtures.node(1));
        // Node 3 was never heard: it counts from when this leader began to listen.
        assertThat(sight(REPLACE_AFTER_MS, 0).away()).isEmpty();
        pass(1);
        assertThat(sight(REPLACE_AFTER_MS, 0).away()).containsExactlyInAnyOrder("node-2", "node-3");
        assertThat(sight(REPLACE_AFTER_MS, 0).up()).containsExactly("node-1");
        assertThat(sight(0, 0).away()).isEmpty();
    }

    @Test
    void newLeaderBeginsToCountAnew() {
        pass(REPLACE_AFTER_MS + 1);
        seen.begin();
        assertThat(sight(REPLACE_AFTER_MS, 0).away()).isEmpty();
    }

    @Test
    void nodeInMaintenanceIsNotAway() {
        image =
                MetaFixtures.after(
                                MetaFixtures.form(),
                                new MetaCommand.SetDuty(
                                        "node-2",
                                        NodeDuty.FULL,
                                        NodeDuty.FULL.inMaintenanceUntil(1_000)))
                        .image()
                        .orElseThrow();
        pass(REPLACE_AFTER_MS + 1);
        heard(MetaFixtures.node(1));
        assertThat(sight(REPLACE_AFTER_MS, 999).away()).containsExactly("node-3");
        assertThat(sight(REPLACE_AFTER_MS, 1_000).away())
                .containsExactlyInAnyOrder("node-2", "node-3");
    }

    private static ReplicaStatus status(ReplicaStatus.Role role, long configuration) {
        return new ReplicaStatus(
                GROUP,
                role,
                1,
                Optional.of(MetaFixtures.dir(1)),
                new LogPosition(1, 100),
                new LogPosition(1, 100),
                100,
                0,
                0,
                List.of(),
                new Members(
                        Set.of(MetaFixtures.dir(1), MetaFixtures.dir(2)),
                        Set.of(MetaFixtures.dir(3)),
                        false),
                configuration);
    }

    private void heard(int node, NodeHeartbeat.ReplicaReport report) {
        seen.heard(
                new NodeHeartbeat(MetaFixtures.node(node), List.of(), List.of(report), List.of()));
    }

    private void heardLeader(long configuration) {
        heard(
                1,
                NodeHeartbeat.ReplicaReport.of(
                        MetaFixtures.dir(1), status(ReplicaStatus.Role.LEADER, configuration)));
    }

    private LeaderView.Members members() {
        return sight(0, 0).leaders().get(new PlacementGroupId(1)).members();
    }

    /** The leader's heartbeat may show what it was half-way through a change. */
    @Test
    void membersFromBeforeTheLastChangeAreNotKnown() {
        heardLeader(20);
        assertThat(members().voters()).hasSize(2);
        seen.configured(GROUP, 21);
        assertThat(members().voters()).isEmpty();
        heardLeader(21);
        assertThat(members().voters()).hasSize(2);
        seen.configured(GROUP, 19);
        assertThat(members().voters()).hasSize(2);
    }

    @Test
    void whatWasHeardOfAReplicaBeforeItWasMadeAnewDoesNotCount() {
        heardLeader(20);
        heard(3, NodeHeartbeat.ReplicaReport.lost(MetaFixtures.dir(3), GROUP, "damaged"));
        assertThat(members().lost()).containsExactly(MetaFixtures.dir(3));
        seen.madeAnew(GROUP, MetaFixtures.dir(3));
        assertThat(members().lost()).isEmpty();
        pass(1);
        heard(3, NodeHeartbeat.ReplicaReport.lost(MetaFixtures.dir(3), GROUP, "again"));
        assertThat(members().lost()).containsExactly(MetaFixtures.dir(3));
    }

    @Test
    void suspectIsSpoiledUntilItIsMadeAnew() {
        heardLeader(20);
        heard(
                3,
                NodeHeartbeat.ReplicaReport.of(
                        MetaFixtures.dir(3), status(ReplicaStatus.Role.LISTENER, 20)));
        assertThat(members().spoiled()).isEmpty();
        seen.suspect(GROUP, MetaFixtures.dir(3), "it differs");
        assertThat(members().spoiled()).containsExactly(MetaFixtures.dir(3));
        seen.madeAnew(GROUP, MetaFixtures.dir(3));
        assertThat(members().spoiled()).isEmpty();
    }

    /** One that uses the name of a node, with data dirs of its own, is not that node. */
    @Test
    void nodeWithOtherDataDirsIsNotUp() {
        StorageNode other =
                new StorageNode(
                        "node-1",
                        List.of(new DataDir(new UUID(9, 9), "a:1")),
                        "a:2",
                        "a:3",
                        "",
                        "",
                        MetaFixtures.node(1).labels());
        heard(other);
        assertThat(sight(REPLACE_AFTER_MS, 0).up()).isEmpty();
        heard(MetaFixtures.node(1));
        assertThat(sight(REPLACE_AFTER_MS, 0).up()).containsExactly("node-1");
    }
}
