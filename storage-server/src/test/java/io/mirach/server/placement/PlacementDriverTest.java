package io.mirach.server.placement;

import static io.mirach.server.metadata.MetaFixtures.attach;
import static io.mirach.server.metadata.MetaFixtures.create;
import static io.mirach.server.metadata.MetaFixtures.dir;
import static io.mirach.server.metadata.MetaFixtures.form;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.MirachException;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PlacementDriverTest {
    private static Set<UUID> slow;

    @BeforeEach
    void allDisksAreWell() {
        slow = Set.of();
    }

    private static final VolumeId VOLUME = new VolumeId(1);

    private static ClusterImage image(MetaCommand... further) {
        List<MetaCommand> commands = new ArrayList<>();
        commands.add(form());
        for (int group = 1; group <= 3; group++) {
            commands.add(new MetaCommand.ActivateGroup(new PlacementGroupId(group)));
        }
        Collections.addAll(commands, further);
        return MetaFixtures.after(commands.toArray(MetaCommand[]::new)).image().orElseThrow();
    }

    private static List<Step> plan(ClusterImage image, Map<PlacementGroupId, LeaderView> leaders) {
        return PlacementDriver.plan(image, sight(leaders));
    }

    /** All three nodes are up. */
    private static ClusterSight sight(Map<PlacementGroupId, LeaderView> leaders) {
        return new ClusterSight(
                leaders,
                Optional.empty(),
                Set.of("node-1", "node-2", "node-3"),
                Set.of(),
                Set.of(),
                List.of(),
                Map.of(),
                slow,
                0,
                migration -> false);
    }

    private static List<String> plan(ClusterImage image) {
        return plan(image, Map.of()).stream().map(Step::key).toList();
    }

    @Test
    void newGroupsAreCreated() {
        ClusterImage image = MetaFixtures.after(form()).image().orElseThrow();
        assertThat(plan(image)).containsExactly("create pg1", "create pg2", "create pg3");
    }

    @Test
    void aQuietClusterNeedsNothing() {
        assertThat(plan(image())).isEmpty();
        assertThat(plan(image(create("vm1"), new MetaCommand.VolumeOpened(VOLUME)))).isEmpty();
    }

    @Test
    void volumesAreOpenedAndDropped() {
        assertThat(plan(image(create("vm1")))).containsExactly("open v1");
        assertThat(plan(image(create("vm1"), new MetaCommand.DeleteVolume(VOLUME))))
                .containsExactly("drop v1");
    }

    @Test
    void attachmentsAreAdmittedAndEvictedWhoeverLogsThemFirst() {
        MetaCommand[] pending = {
            create("vm1"), new MetaCommand.VolumeOpened(VOLUME), attach(1, "gw1", "p")
        };
        // The plan rests on the map alone: a new meta leader goes on with it.
        assertThat(plan(image(pending))).containsExactly("admit v1 version 1");
        assertThat(plan(image(pending[0], pending[1], pending[2], MetaFixtures.admitted(1, 1))))
                .isEmpty();
        assertThat(plan(image(pending[0], pending[1], pending[2], MetaFixtures.release(1, 1))))
                .containsExactly("admit v1 version 2");
    }

    private static LeaderView view(int leader, long stableMs, Integer... caughtUp) {
        return new LeaderView(
                dir(leader),
                dirs(caughtUp),
                stableMs,
                members(dirs(1, 2, 3), Set.of(), Set.of(), dirs(1, 2, 3)));
    }

    private static LeaderView.Members members(
            Set<UUID> voters, Set<UUID> learners, Set<UUID> lost, Set<UUID> up) {
        return new LeaderView.Members(voters, learners, lost, Set.of(), up, 1);
    }

    private static LeaderView.Members spoiled(Integer... dirs) {
        return new LeaderView.Members(
                dirs(1, 2, 3), Set.of(), Set.of(), dirs(dirs), dirs(1, 2, 3), 1);
    }

    private static Set<UUID> dirs(Integer... numbers) {
        return Stream.of(numbers).map(MetaFixtures::dir).collect(Collectors.toSet());
    }

    /** The group that node 1 leads, with its members as given. */
    private static List<Step> planMembers(LeaderView.Members members, Integer... caughtUp) {
        PlacementGroupId pg1 = new PlacementGroupId(1);
        return plan(image(), Map.of(pg1, new LeaderView(dir(1), dirs(caughtUp), 0, members)));
    }

    @Test
    void lostReplicaIsRebuiltOnceItsNodeIsUp() {
        LeaderView.Members lost = members(dirs(1, 2, 3), Set.of(), dirs(3), dirs(1, 2, 3));
        assertThat(planMembers(lost, 2))
                .singleElement()
                .isInstanceOfSatisfying(
                        Step.RebuildReplica.class,
                        step -> {
                            assertThat(step.dataDir()).isEqualTo(dir(3));
                            assertThat(step.leader()).isEqualTo(dir(1));
                            assertThat(step.members().voters()).isEqualTo(dirs(1, 2, 3));
                        });
        assertThat(planMembers(members(dirs(1, 2, 3), Set.of(), dirs(3), dirs(1, 2)), 2)).isEmpty();
    }

    @Test
    void rebuildingGoesOnWhereAnEarlierMetaLeaderLeftIt() {
        // Taken out of the group, and not yet in it again; whether made anew or not.
        LeaderView.Members without = members(dirs(1, 2), Set.of(), Set.of(), dirs(1, 2, 3));
        assertThat(planMembers(without, 2))
                .extracting(Step::key)
                .containsExactly("rebuild pg1 in " + dir(3));
        // Follows, and is not there yet; then it is.
        LeaderView.Members learns = members(dirs(1, 2), dirs(3), Set.of(), dirs(1, 2, 3));
        assertThat(planMembers(learns, 2)).isEmpty();
        assertThat(planMembers(learns, 2, 3))
                .extracting(Step::key)
                .containsExactly("promote pg1 in " + dir(3));
    }

    @Test
    void spoiledReplicaIsMadeAnewOnlyIfTheOthersAreWhole() {
        assertThat(planMembers(spoiled(3), 2))
                .singleElement()
                .isInstanceOfSatisfying(
                        Step.RebuildReplica.class,
                        step -> assertThat(step.members().spoiled()).isEqualTo(dirs(3)));
        assertThat(planMembers(spoiled(3))).isEmpty();
        assertThat(planMembers(spoiled(2, 3), 2, 3)).isEmpty();
    }

    @Test
    void spoiledLeaderHandsOverFirst() {
        assertThat(planMembers(spoiled(1), 2, 3))
                .singleElement()
                .isInstanceOfSatisfying(
                        Step.MoveLeader.class, step -> assertThat(dirs(2, 3)).contains(step.to()));
    }

    @Test
    void spoiledLearnerIsMadeAnewAndGetsNoVote() {
        LeaderView.Members learns =
                new LeaderView.Members(dirs(1, 2), dirs(3), Set.of(), dirs(3), dirs(1, 2, 3), 1);
        assertThat(planMembers(learns, 2, 3))
                .extracting(Step::key)
                .containsExactly("rebuild pg1 in " + dir(3));
    }

    @Test
    void membersThatAreNotKnownAreLeftAlone() {
        LeaderView.Members unknown = members(Set.of(), Set.of(), dirs(3), dirs(1, 2, 3));
        assertThat(planMembers(unknown, 2)).isEmpty();
    }

    @Test
    void replicasOfOneGroupAreRebuiltOneAfterTheOther() {
        LeaderView.Members two = members(dirs(1, 2, 3), Set.of(), dirs(2, 3), dirs(1, 2, 3));
        assertThat(planMembers(two)).hasSize(1);
    }

    @Test
    void leadershipGoesToThePreferredOneWhenItIsUpToDateAndTheLeaderHasRested() {
        PlacementGroupId pg1 = new PlacementGroupId(1);
        long rested = PlacementDriver.LEADER_REST_MS;
        assertThat(plan(image(), Map.of(pg1, view(2, rested, 1, 3))))
                .containsExactly(
                        new Step.MoveLeader(
                                Step.Group.of(image().placementGroups().get(pg1)), dir(2), dir(1)));
        assertThat(plan(image(), Map.of(pg1, view(2, rested - 1, 1, 3)))).isEmpty();
        assertThat(plan(image(), Map.of(pg1, view(2, rested, 3)))).isEmpty();
        assertThat(plan(image(), Map.of(pg1, view(1, rested, 2, 3)))).isEmpty();
    }

    @Test
    void slowDiskLosesItsLeadershipToOneThatIsNotAndGetsItBack() {
        PlacementGroupId pg1 = new PlacementGroupId(1);
        slow = dirs(1);
        assertThat(plan(image(), Map.of(pg1, view(1, 1_000, 2, 3))))
                .singleElement()
                .isInstanceOfSatisfying(
                        Step.MoveLeader.class, step -> assertThat(dirs(2, 3)).contains(step.to()));
        assertThat(plan(image(), Map.of(pg1, view(2, 60_000, 1, 3)))).isEmpty();
        // Nobody else can.
        assertThat(plan(image(), Map.of(pg1, view(1, 60_000)))).isEmpty();
        slow = dirs(1, 2, 3);
        assertThat(plan(image(), Map.of(pg1, view(1, 60_000, 2, 3)))).isEmpty();
        slow = Set.of();
        assertThat(plan(image(), Map.of(pg1, view(2, 60_000, 1, 3))))
                .extracting(Step::key)
                .containsExactly("lead pg1");
    }

    @Test
    void leadersAreMovedOneAtATime() {
        Map<PlacementGroupId, LeaderView> allAtThird =
                Map.of(
                        new PlacementGroupId(1), view(3, 60_000, 1, 2),
                        new PlacementGroupId(2), view(3, 60_000, 1, 2),
                        new PlacementGroupId(3), view(3, 60_000, 1, 2));
        assertThat(plan(image(), allAtThird)).extracting(Step::key).containsExactly("lead pg1");
    }

    @Test
    void slotsAreSpreadEvenlyOverActiveGroupsBeginningWithTheEmptiest() {
        List<PlacementGroupId> slots = SlotAssignment.forNewVolume(image());
        assertThat(slots).hasSize(64);
        for (int group = 1; group <= 3; group++) {
            assertThat(Collections.frequency(slots, new PlacementGroupId(group))).isBetween(21, 22);
        }
        // vm1 lies in pg1 alone.
        List<PlacementGroupId> next = SlotAssignment.forNewVolume(image(create("vm1")));
        assertThat(Collections.frequency(next, new PlacementGroupId(2))).isEqualTo(22);
        assertThat(Collections.frequency(next, new PlacementGroupId(1))).isEqualTo(21);
        assertThatThrownBy(
                        () ->
                                SlotAssignment.forNewVolume(
                                        MetaFixtures.after(form()).image().orElseThrow()))
                .isInstanceOf(MirachException.class);
    }
}
