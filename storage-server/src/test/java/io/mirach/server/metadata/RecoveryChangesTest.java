package io.mirach.server.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaMove;
import io.mirach.model.ScrubTimes;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RecoveryChangesTest {
    private static final PlacementGroupId PG = new PlacementGroupId(1);
    private static final UUID BEFORE = new UUID(3, 1);
    private static final UUID NEXT = new UUID(4, 1);
    private static final UUID OTHER = new UUID(4, 2);
    private static final Replica FIRST = new Replica("node-1", MetaFixtures.dir(1));
    private static final Replica SECOND = new Replica("node-2", MetaFixtures.dir(2));

    private MetaState state =
            MetaFixtures.after(MetaFixtures.form(), new MetaCommand.ActivateGroup(PG));

    private MetaReply apply(MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        state = transition.next();
        return transition.reply();
    }

    private PlacementGroup group() {
        return state.image().orElseThrow().placementGroups().get(PG);
    }

    private MetaCommand.RecoverGroup recover(UUID expected, Replica survivor, UUID next) {
        return new MetaCommand.RecoverGroup(
                PG, expected, group().replicaSet().version(), survivor, next, 1_000, 90, 97);
    }

    @Test
    void groupGoesOnAsAnotherRaftGroupAndRemembersTheOneBefore() {
        apply(new MetaCommand.Scrubbed(PG, 500, 0)).orThrow();
        MetaCommand.RecoverGroup order = recover(BEFORE, FIRST, NEXT);
        apply(order).orThrow();
        assertThat(group().scrub()).as("of another state").isEqualTo(ScrubTimes.NEVER);
        assertThat(group().raftGroupId()).isEqualTo(NEXT);
        assertThat(group().state()).isEqualTo(PlacementGroup.State.RECOVERING);
        assertThat(group().holdingRaftGroup()).isEqualTo(BEFORE);
        assertThat(group().preferredLeader()).isEqualTo(FIRST.dataDir());
        assertThat(group().recovery().orElseThrow().replaced()).containsExactly(BEFORE);
        long version = state.version();
        apply(order).orThrow();
        assertThat(state.version()).as("twice is once").isEqualTo(version);

        apply(new MetaCommand.ActivateGroup(PG)).orThrow();
        apply(new MetaCommand.GroupRecovered(PG, OTHER)).orThrow();
        assertThat(group().state()).as("late ones").isEqualTo(PlacementGroup.State.RECOVERING);
        apply(new MetaCommand.GroupRecovered(PG, NEXT)).orThrow();
        assertThat(group().state()).isEqualTo(PlacementGroup.State.ACTIVE);
        assertThat(group().holdingRaftGroup()).isEqualTo(NEXT);
    }

    /** What they use may go back in time, and the survivor may not know whom it admits. */
    @Test
    void allVolumesInTheGroupAreDetachedAndMadeKnownAnew() {
        for (MetaCommand command :
                List.of(
                        MetaFixtures.create("vm1"),
                        new MetaCommand.VolumeOpened(new VolumeId(1)),
                        MetaFixtures.attach(1, "gw1", "p"),
                        MetaFixtures.admitted(1, 1))) {
            apply(command).orThrow();
        }
        apply(recover(BEFORE, FIRST, NEXT)).orThrow();
        ClusterImage image = state.image().orElseThrow();
        VolumeAccess access = image.accessTo(new VolumeId(1));
        assertThat(access.held()).isEmpty();
        assertThat(access.admitted()).isFalse();
        assertThat(access.admissionVersion()).isGreaterThan(1);
        assertThat(access.attachments())
                .singleElement()
                .satisfies(a -> assertThat(a.revokedBecause()).contains("pg1 was recovered"));
        assertThat(image.volumes().get(new VolumeId(1)).state()).isEqualTo(Volume.State.CREATING);
    }

    @Test
    void ofTwoOrdersOneCounts() {
        MetaCommand.RecoverGroup one = recover(BEFORE, FIRST, NEXT);
        MetaCommand.RecoverGroup two = recover(BEFORE, SECOND, OTHER);
        apply(one).orThrow();
        assertThat(apply(two).code()).isEqualTo(ErrorCode.CONFLICT);
        assertThat(group().raftGroupId()).isEqualTo(NEXT);
    }

    @Test
    void anotherSurvivorIsOfTheGroupThatHasTheBlocks() {
        apply(recover(BEFORE, FIRST, NEXT)).orThrow();
        apply(recover(NEXT, SECOND, OTHER)).orThrow();
        assertThat(group().recovery().orElseThrow().source()).isEqualTo(BEFORE);
        assertThat(group().recovery().orElseThrow().replaced()).containsExactly(BEFORE, NEXT);
        apply(new MetaCommand.GroupRecovered(PG, NEXT)).orThrow();
        assertThat(group().state()).isEqualTo(PlacementGroup.State.RECOVERING);
        apply(new MetaCommand.GroupRecovered(PG, OTHER)).orThrow();
        assertThat(group().state()).isEqualTo(PlacementGroup.State.ACTIVE);
    }

    @Test
    void moveUnderWayIsOverOneWayOrTheOther() {
        Replica third = group().replicaSet().replicas().get(2);
        Replica fourth = new Replica("node-4", MetaFixtures.dir(4));
        apply(new MetaCommand.AddNode(MetaFixtures.node(4), List.of())).orThrow();
        apply(
                        new MetaCommand.MoveReplica(
                                Optional.of(PG),
                                group().replicaSet().version(),
                                new ReplicaMove(third, fourth, ReplicaMove.Reason.DRAIN)))
                .orThrow();
        MetaState moving = state;
        apply(recover(BEFORE, FIRST, NEXT)).orThrow();
        assertThat(group().replicaSet().move()).isEmpty();
        assertThat(group().replicaSet().replicas()).contains(third).doesNotContain(fourth);
        state = moving;
        apply(recover(BEFORE, fourth, NEXT)).orThrow();
        assertThat(group().replicaSet().move()).isEmpty();
        assertThat(group().replicaSet().replicas()).contains(fourth).doesNotContain(third);
    }

    @Test
    void whoHasNoReplicaIsNoSurvivor() {
        Replica stranger = new Replica("node-1", MetaFixtures.dir(9));
        assertThat(apply(recover(BEFORE, stranger, NEXT)).code()).isEqualTo(ErrorCode.CONFLICT);
        assertThat(group().raftGroupId()).isEqualTo(BEFORE);
    }

    @Test
    void whatWasBeforeIsDiscardedOnlyOfARecoveredGroup() {
        assertThat(apply(new MetaCommand.DiscardReplaced(PG, BEFORE)).code())
                .isEqualTo(ErrorCode.CONFLICT);
        apply(recover(BEFORE, FIRST, NEXT)).orThrow();
        assertThat(apply(new MetaCommand.DiscardReplaced(PG, NEXT)).code())
                .as("not taken over")
                .isEqualTo(ErrorCode.CONFLICT);
        apply(new MetaCommand.GroupRecovered(PG, NEXT)).orThrow();
        apply(new MetaCommand.DiscardReplaced(PG, NEXT)).orThrow();
        assertThat(group().recovery().orElseThrow().discards()).isTrue();
        apply(recover(NEXT, FIRST, OTHER)).orThrow();
        assertThat(group().recovery().orElseThrow().discards())
                .as("anew, with the next loss")
                .isFalse();
    }
}
