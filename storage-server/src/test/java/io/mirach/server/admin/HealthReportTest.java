package io.mirach.server.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.NodeSummary;
import io.mirach.admin.StatusView;
import io.mirach.admin.StatusView.Health;
import io.mirach.admin.StatusView.Reason;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.StorageNode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.maintenance.Scrubs;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.metadata.MetaState;
import io.mirach.server.metadata.MetaTransition;
import io.mirach.server.store.Room;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What `status` says is wrong: one line per trouble and node, however many groups it meets. */
class HealthReportTest {
    private static final List<UUID> GROUPS =
            List.of(MetaFixtures.META_GROUP, new UUID(3, 1), new UUID(3, 2), new UUID(3, 3));

    private long nowNanos = 1;
    private final NodeObservations seen = new NodeObservations(() -> nowNanos);
    private MetaState state = activeGroups();

    private static MetaState activeGroups() {
        return MetaFixtures.after(
                MetaFixtures.form(),
                new MetaCommand.ActivateGroup(new PlacementGroupId(1)),
                new MetaCommand.ActivateGroup(new PlacementGroupId(2)),
                new MetaCommand.ActivateGroup(new PlacementGroupId(3)));
    }

    private Scrubs.Progress scrubs = Scrubs.Progress.NONE;

    private ClusterImage image() {
        return state.image().orElseThrow();
    }

    private StatusView status() {
        return HealthReport.of(
                image(),
                new ClusterReports(
                        image(),
                        seen,
                        new AttachmentTerms(AttachmentTerms.DEFAULT_TERM, () -> nowNanos),
                        group -> scrubs,
                        0),
                Optional.of("node-1"));
    }

    /**
     * A node is heard; the first leads all groups.
     *
     * @param behind2 how many entries node 2 lacks, as node 1 sees it
     */
    private void heard(int number, long behind2, boolean needsBackfill2) {
        heard(number, behind2, needsBackfill2, List.of());
    }

    private void heard(
            int number, long behind2, boolean needsBackfill2, List<NodeHeartbeat.DirUsage> dirs) {
        List<NodeHeartbeat.ReplicaReport> reports = new ArrayList<>();
        for (UUID group : GROUPS) {
            reports.add(
                    number == 1
                            ? report(
                                    group,
                                    1,
                                    List.of(
                                            follower(2, behind2, needsBackfill2),
                                            follower(3, 0, false)))
                            : report(group, number, List.of()));
        }
        seen.heard(new NodeHeartbeat(node(number), dirs, reports, List.of()));
    }

    /** Of a leader, if it has followers. */
    private static NodeHeartbeat.ReplicaReport report(
            UUID group, int number, List<ReplicaStatus.Follower> followers) {
        LogPosition position = new LogPosition(1, 100_000);
        return NodeHeartbeat.ReplicaReport.of(
                MetaFixtures.dir(number),
                new ReplicaStatus(
                        group,
                        followers.isEmpty()
                                ? ReplicaStatus.Role.FOLLOWER
                                : ReplicaStatus.Role.LEADER,
                        1,
                        Optional.of(MetaFixtures.dir(1)),
                        position,
                        position,
                        100_000,
                        1,
                        1,
                        followers,
                        Members.NONE,
                        -1));
    }

    private StorageNode node(int number) {
        return image().nodes().get("node-" + number);
    }

    private static ReplicaStatus.Follower follower(int number, long behind, boolean needsBackfill) {
        return new ReplicaStatus.Follower(
                MetaFixtures.dir(number), 100_000 - behind, 10, needsBackfill);
    }

    private static List<String> texts(StatusView status) {
        return status.reasons().stream().map(r -> r.code() + ": " + r.detail()).toList();
    }

    @Test
    void diskIsFullWhenItsNodeRefusesWritesAndNearlyFullBefore() {
        heard(1, 0, false, List.of(dir(1, 50, Room.LOW), dir(2, 50, Room.SCARCE)));
        heard(2, 0, false, List.of(dir(3, 14, Room.AMPLE), dir(4, 16, Room.AMPLE)));
        heard(3, 0, false);
        assertThat(texts(status()))
                .containsExactly(
                        "FULL: /1 on node node-1 is full",
                        "NEAR_FULL: /2 on node node-1 is nearly full",
                        "NEAR_FULL: /3 on node node-2 is nearly full");
    }

    private static NodeHeartbeat.DirUsage dir(int number, long availableBytes, Room room) {
        return new NodeHeartbeat.DirUsage(
                MetaFixtures.dir(number), "/" + number, 100, 1, availableBytes, room, 0);
    }

    private static NodeHeartbeat.DirUsage speed(int number, long syncMs) {
        return new NodeHeartbeat.DirUsage(
                MetaFixtures.dir(number), "/" + number, 100, 1, 90, Room.AMPLE, syncMs);
    }

    @Test
    void diskThatIsMuchSlowerThanTheOthersIsNamed() {
        for (int second = 0; second < 5; second++) {
            heard(1, 0, false, List.of(speed(1, 2)));
            heard(2, 0, false, List.of(speed(2, 350)));
            heard(3, 0, false, List.of(speed(3, 3)));
            nowNanos += TimeUnit.SECONDS.toNanos(1);
        }
        assertThat(texts(status()))
                .singleElement()
                .asString()
                .startsWith("DISK_SLOW: /2 on node node-2 is much slower")
                .contains("350 ms");
    }

    @Test
    void aWholeClusterIsHealthy() {
        heard(1, 0, false);
        heard(2, 0, false);
        heard(3, 0, false);
        assertThat(status().health()).isEqualTo(Health.OK);
        assertThat(status().reasons()).isEmpty();
    }

    @Test
    void allReplicasOfANodeThatIsDownAreOneLine() {
        heard(2, 0, false);
        nowNanos += TimeUnit.SECONDS.toNanos(34);
        heard(1, 5, false);
        heard(3, 0, false);
        StatusView status = status();
        assertThat(status.health()).isEqualTo(Health.WARN);
        assertThat(texts(status))
                .containsExactly(
                        "NODE_DOWN: node node-2 was last heard 34 s ago",
                        "REPLICA_MISSING: the meta group and 3 placement groups have a replica on"
                                + " node-2, which is down");
        Reason missing = status.reasons().get(1);
        assertThat(missing.items())
                .hasSize(4)
                .first()
                .asString()
                .startsWith("the meta group on node-2")
                .endsWith("5 entries behind");
        assertThat(status.reasons().get(0).remedy())
                .isEqualTo("on that machine: mirach node start --config FILE");
    }

    @Test
    void theRemedyIsTheCommandThatTheNodeNames() {
        StorageNode plain = node(2);
        state =
                MetaTransition.apply(
                                state,
                                new MetaCommand.UpdateNode(
                                        new StorageNode(
                                                plain.name(),
                                                plain.dataDirs(),
                                                plain.nativeAddress(),
                                                plain.httpAddress(),
                                                plain.zone(),
                                                plain.rack(),
                                                Map.of(
                                                        NodeSummary.START_COMMAND_LABEL,
                                                        "mirach dev node start 2"))))
                        .next();
        heard(1, 0, false);
        heard(3, 0, false);
        assertThat(status().reasons().get(0).remedy()).isEqualTo("mirach dev node start 2");
    }

    @Test
    void replicasThatLagAreOneLineWithTheWorst() {
        heard(1, 5_000, false);
        heard(2, 0, false);
        heard(3, 0, false);
        assertThat(texts(status()))
                .containsExactly(
                        "REPLICA_LAGS: the meta group and 3 placement groups have a replica on"
                                + " node-2 that is up to 5000 entries behind");
    }

    @Test
    void replicasThatTheLogNoLongerServesAreNamedSo() {
        heard(1, 50_000, true);
        heard(2, 0, false);
        heard(3, 0, false);
        assertThat(texts(status()))
                .containsExactly(
                        "REPLICA_NEEDS_BACKFILL: the meta group and 3 placement groups have a"
                                + " replica on node-2 that has fallen behind the log that is"
                                + " kept");
    }

    /** All is well but for the third node's replica of the third group. */
    private void heardBut(NodeHeartbeat.ReplicaReport other) {
        heard(1, 0, false);
        heard(2, 0, false);
        seen.heard(
                new NodeHeartbeat(
                        node(3),
                        List.of(),
                        GROUPS.stream()
                                .map(
                                        group ->
                                                group.equals(GROUPS.get(2))
                                                        ? other
                                                        : report(group, 3, List.of()))
                                .toList(),
                        List.of()));
    }

    @Test
    void damagedBlocksAreToldUntilTheyAreRepaired() {
        heardBut(
                report(GROUPS.get(2), 3, List.of())
                        .with(new NodeHeartbeat.Damage(4, 1, Optional.empty())));
        StatusView status = status();
        assertThat(status.health()).isEqualTo(Health.WARN);
        assertThat(texts(status))
                .containsExactly(
                        "REPLICA_DAMAGED: pg2 has a replica on node-3 with damaged blocks: they are"
                                + " not served from there, and repaired from another one; the disk"
                                + " may be failing");
        assertThat(status.reasons().get(0).items())
                .containsExactly(
                        "pg2 on node-3, data dir "
                                + MetaFixtures.dir(3)
                                + ": 4 blocks are damaged");
        assertThat(status.pgs().degraded()).isEqualTo(1);
        heardBut(
                report(GROUPS.get(2), 3, List.of())
                        .with(new NodeHeartbeat.Damage(0, 5, Optional.empty())));
        assertThat(status().health()).isEqualTo(Health.OK);
    }

    @Test
    void replicaWithoutAVoteIsNoWholeMember() {
        NodeHeartbeat.ReplicaReport voter = report(GROUPS.get(2), 3, List.of());
        ReplicaStatus status = voter.status();
        heardBut(
                NodeHeartbeat.ReplicaReport.of(
                        MetaFixtures.dir(3),
                        new ReplicaStatus(
                                status.groupId(),
                                ReplicaStatus.Role.LISTENER,
                                status.term(),
                                status.leader(),
                                status.applied(),
                                status.durable(),
                                status.commitIndex(),
                                status.logStartIndex(),
                                status.logBytes(),
                                status.followers(),
                                status.members(),
                                status.configurationIndex())));
        assertThat(texts(status()))
                .singleElement()
                .asString()
                .startsWith("REPLICA_WITHOUT_VOTE: pg2 has a replica on node-3");
        assertThat(status().pgs().degraded()).isEqualTo(1);
    }

    @Test
    void replicaBeyondRepairIsToBeMadeAnewAndADifferenceIsAnError() {
        heardBut(
                report(GROUPS.get(2), 3, List.of())
                        .with(new NodeHeartbeat.Damage(0, 0, Optional.of("records"))));
        assertThat(texts(status()))
                .containsExactly(
                        "REPLICA_DAMAGED: pg2 has a replica on node-3 that is to be made anew; the"
                                + " disk may be failing");
        heardBut(report(GROUPS.get(2), 3, List.of()));
        scrubs = new Scrubs.Progress(OptionalInt.empty(), Optional.of("they differ"));
        StatusView status = status();
        assertThat(status.health()).isEqualTo(Health.ERROR);
        assertThat(texts(status)).first().isEqualTo("PG_DIFFERENT: pg1: they differ");
        assertThat(status.reasons().get(0).remedy()).isEqualTo("mirach pg verify pg1");
    }

    @Test
    void lostReplicaIsAnErrorThatSaysWhy() {
        heardBut(
                NodeHeartbeat.ReplicaReport.lost(
                        MetaFixtures.dir(3), GROUPS.get(2), "entry 5 is damaged"));
        StatusView status = status();
        assertThat(status.health()).isEqualTo(Health.ERROR);
        assertThat(texts(status))
                .containsExactly(
                        "REPLICA_LOST: pg2 has a replica on node-3 that is lost: its log is not as"
                                + " the node left it, so it is set aside and takes no part");
        assertThat(status.reasons().get(0).items())
                .containsExactly(
                        "pg2 on node-3, data dir " + MetaFixtures.dir(3) + ": entry 5 is damaged");
        assertThat(status.pgs().degraded()).isEqualTo(1);
    }

    @Test
    void groupsWithoutLeaderAreAnErrorAndComeFirst() {
        heard(2, 0, false);
        heard(3, 0, false);
        StatusView status = status();
        assertThat(status.health()).isEqualTo(Health.ERROR);
        assertThat(texts(status).get(0))
                .isEqualTo(
                        "PG_NO_LEADER: the meta group and 3 placement groups have no leader:"
                                + " nothing in them is served");
    }
}
