package io.mirach.server.metadata;

import static io.mirach.server.metadata.MetaFixtures.dir;
import static io.mirach.server.metadata.MetaFixtures.form;
import static io.mirach.server.metadata.MetaFixtures.node;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaMove;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NodeChangesTest {
    private static final Optional<PlacementGroupId> PG_1 = Optional.of(new PlacementGroupId(1));
    private static final Replica FROM = new Replica("node-1", dir(1));
    private static final Replica TO = new Replica("node-4", dir(4));

    private MetaState state = MetaFixtures.after(form());

    private ClusterImage image() {
        return state.image().orElseThrow();
    }

    private void log(MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        transition.reply().orThrow();
        state = transition.next();
    }

    private void assertRefused(MetaCommand command, ErrorCode code, String detail) {
        MetaTransition transition = MetaTransition.apply(state, command);
        assertThat(transition.next()).isEqualTo(state);
        assertThatThrownBy(() -> transition.reply().orThrow())
                .isInstanceOfSatisfying(
                        MirachException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(detail);
    }

    private void addFourth() {
        log(new MetaCommand.AddNode(node(4), List.of()));
        log(new MetaCommand.NodeJoined("node-4", node(4).dataDirs()));
    }

    private static MetaCommand move(long version, Replica from, Replica to) {
        return new MetaCommand.MoveReplica(
                PG_1, version, new ReplicaMove(from, to, ReplicaMove.Reason.DRAIN));
    }

    @Test
    void nodeIsJoiningUntilItIsHeardWithItsDataDirs() {
        log(new MetaCommand.AddNode(node(4), List.of()));
        log(new MetaCommand.AddNode(node(4), List.of()));
        assertThat(image().nodes().get("node-4").duty().state()).isEqualTo(NodeDuty.State.JOINING);
        log(new MetaCommand.NodeJoined("node-4", List.of(new DataDir(dir(9), "x"))));
        assertThat(image().nodes().get("node-4").duty().state()).isEqualTo(NodeDuty.State.JOINING);
        log(new MetaCommand.NodeJoined("node-4", node(4).dataDirs()));
        assertThat(image().nodes().get("node-4").duty()).isEqualTo(NodeDuty.FULL);
    }

    @Test
    void nameAndDataDirsAreNotGivenTwice() {
        assertRefused(new MetaCommand.AddNode(node(2), List.of()), ErrorCode.CONFLICT, "already");
        StorageNode sameDir =
                new StorageNode(
                        "node-5", node(2).dataDirs(), "a:1", "a:2", "", "", node(2).labels());
        assertRefused(
                new MetaCommand.AddNode(sameDir, List.of()), ErrorCode.CONFLICT, "used before");
    }

    @Test
    void lostDataDirsAreReplacedAndNeverComeBack() {
        StorageNode anew =
                new StorageNode(
                        "node-2",
                        List.of(new DataDir(dir(22), "127.0.0.1:7002")),
                        node(2).nativeAddress(),
                        node(2).httpAddress(),
                        "zone",
                        "rack-2",
                        node(2).labels());
        assertRefused(new MetaCommand.AddNode(anew, List.of()), ErrorCode.CONFLICT, "already");
        log(new MetaCommand.AddNode(anew, node(2).dataDirs()));
        assertThat(image().nodeOfDataDir(dir(2))).isEmpty();
        // The map still has replicas there, which are to be moved.
        assertRefused(
                new MetaCommand.AddNode(node(2), anew.dataDirs()),
                ErrorCode.CONFLICT,
                "used before");
        log(move(1, new Replica("node-2", dir(2)), new Replica("node-2", dir(22))));
        log(new MetaCommand.EndMove(PG_1, 2, true));
        assertThat(image().placementGroups().get(PG_1.get()).replicaSet().ofDataDir(dir(22)))
                .isPresent();
    }

    @Test
    void dataDirsThatWereNotLostAreKept() {
        StorageNode two = twoDirs("node-5", 51, 52);
        log(new MetaCommand.AddNode(two, List.of()));
        log(new MetaCommand.NodeJoined("node-5", two.dataDirs()));
        StorageNode anew = twoDirs("node-5", 53, 52);
        log(new MetaCommand.AddNode(anew, two.dataDirs()));
        log(new MetaCommand.NodeJoined("node-5", anew.dataDirs()));
        assertThat(image().nodes().get("node-5")).isEqualTo(anew);
        assertThat(image().nodeOfDataDir(dir(51))).isEmpty();
        assertRefused(
                new MetaCommand.AddNode(twoDirs("node-6", 52, 61), List.of()),
                ErrorCode.CONFLICT,
                "used before");
    }

    private static StorageNode twoDirs(String name, int first, int second) {
        return new StorageNode(
                name,
                List.of(new DataDir(dir(first), "a:1"), new DataDir(dir(second), "a:2")),
                "a:3",
                "a:4",
                "",
                "",
                node(1).labels());
    }

    @Test
    void dutyIsChangedByCompareAndSetAndOutlivesAChangeOfAddress() {
        NodeDuty draining = NodeDuty.FULL.with(NodeDuty.State.DRAINING);
        log(new MetaCommand.SetDuty("node-1", NodeDuty.FULL, draining));
        assertRefused(
                new MetaCommand.SetDuty(
                        "node-1", NodeDuty.FULL, NodeDuty.FULL.inMaintenanceUntil(5)),
                ErrorCode.CONFLICT,
                "meanwhile");
        StorageNode moved =
                new StorageNode(
                        "node-1",
                        node(1).dataDirs(),
                        "other:1",
                        "other:2",
                        "zone",
                        "rack-1",
                        node(1).labels());
        log(new MetaCommand.UpdateNode(moved));
        assertThat(image().nodes().get("node-1")).isEqualTo(moved.with(draining));
    }

    @Test
    void nodeThatHoldsAReplicaIsNotRemoved() {
        addFourth();
        log(move(1, FROM, TO));
        assertRefused(new MetaCommand.RemoveNode("node-4"), ErrorCode.CONFLICT, "holds 1 replicas");
        log(new MetaCommand.EndMove(PG_1, 2, false));
        log(new MetaCommand.RemoveNode("node-4"));
        assertThat(image().nodes()).doesNotContainKey("node-4");
        assertRefused(new MetaCommand.RemoveNode("node-4"), ErrorCode.NO_SUCH_NODE, "node-4");
    }

    @Test
    void oneReplicaOfAGroupMovesAtATime() {
        addFourth();
        assertRefused(move(7, FROM, TO), ErrorCode.CONFLICT, "meanwhile");
        assertRefused(move(1, TO, TO), ErrorCode.CONFLICT, "no member");
        assertRefused(move(1, FROM, new Replica("node-2", dir(2))), ErrorCode.CONFLICT, "already");
        assertRefused(
                move(1, FROM, new Replica("node-5", dir(5))), ErrorCode.CONFLICT, "there is no");
        log(move(1, FROM, TO));
        assertRefused(move(2, new Replica("node-2", dir(2)), TO), ErrorCode.CONFLICT, "meanwhile");
    }

    @Test
    void whatIsMovedToLeadsWhereWhatIsMovedWasToLead() {
        addFourth();
        log(move(1, FROM, TO));
        log(new MetaCommand.EndMove(PG_1, 2, true));
        assertThat(image().placementGroups().get(PG_1.get()).preferredLeader()).isEqualTo(dir(4));
        // Late, or twice: nothing happens.
        log(new MetaCommand.EndMove(PG_1, 2, true));
        log(new MetaCommand.EndMove(PG_1, 2, false));
        assertThat(image().placementGroups().get(PG_1.get()).replicaSet().ofDataDir(dir(4)))
                .isPresent();
        assertRefused(
                new MetaCommand.PreferLeader(PG_1.get(), dir(1)), ErrorCode.CONFLICT, "no member");
    }

    @Test
    void metaGroupsReplicaMovesToo() {
        addFourth();
        log(
                new MetaCommand.MoveReplica(
                        Optional.empty(), 1, new ReplicaMove(FROM, TO, ReplicaMove.Reason.AWAY)));
        assertThat(image().metaReplicas().holders()).hasSize(4);
        log(new MetaCommand.EndMove(Optional.empty(), 2, true));
        assertThat(image().metaReplicas().ofDataDir(dir(4))).isPresent();
        assertThat(image().metaReplicas().ofDataDir(dir(1))).isEmpty();
    }
}
