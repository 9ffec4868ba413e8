package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.Migration;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;

/** Says what is to be done next, from the map and what is seen of the groups. Pure. */
public final class PlacementDriver {
    /** A leader stays this long before it is moved: leadership must not chase a flapping node. */
    public static final long LEADER_REST_MS = 10_000;

    private PlacementDriver() {}

    /**
     * Steps that may be taken in any order and at the same time.
     *
     * @param leaders of the groups that have one
     * @param meta of the meta group, if it has one
     * @param isOver whether the window of a migration is
     */
    public static List<Step> plan(
            ClusterImage image,
            Map<PlacementGroupId, LeaderView> leaders,
            Optional<LeaderView> meta,
            Predicate<Migration> isOver) {
        List<Step> steps = new ArrayList<>();
        image.placementGroups().values().stream()
                .filter(group -> group.state() == PlacementGroup.State.CREATING)
                .sorted(Comparator.comparing(PlacementGroup::id))
                .map(Step.CreateGroup::new)
                .forEach(steps::add);
        image.volumes().values().stream()
                .sorted(Comparator.comparing(Volume::id))
                .forEach(volume -> volumeStep(image, volume).ifPresent(steps::add));
        image.access().values().stream()
                .sorted(Comparator.comparing(VolumeAccess::volume))
                .forEach(
                        access ->
                                access.migration()
                                        .filter(isOver)
                                        .map(over -> new Step.EndMigration(access, over))
                                        .ifPresent(steps::add));
        meta.flatMap(
                        view ->
                                memberStep(
                                        new Step.Group(
                                                "the meta group",
                                                image.metaGroupId(),
                                                Optional.empty()),
                                        image.metaReplicas().replicas(),
                                        view))
                .ifPresent(steps::add);
        image.placementGroups().values().stream()
                .filter(group -> group.state() == PlacementGroup.State.ACTIVE)
                .sorted(Comparator.comparing(PlacementGroup::id))
                .flatMap(
                        group ->
                                Optional.ofNullable(leaders.get(group.id()))
                                        .flatMap(view -> memberStep(group, view))
                                        .stream())
                .forEach(steps::add);
        nextMove(image, leaders).ifPresent(steps::add);
        return steps;
    }

    private static Optional<Step> memberStep(PlacementGroup group, LeaderView view) {
        return memberStep(Step.Group.of(group), group.replicaSet().replicas(), view);
    }

    /** One replica of a group at a time, so that the others are a majority all along. */
    private static Optional<Step> memberStep(
            Step.Group group, List<Replica> replicas, LeaderView view) {
        LeaderView.Members members = view.members();
        if (members.voters().isEmpty()) {
            return Optional.empty();
        }
        for (Replica replica : replicas) {
            UUID dir = replica.dataDir();
            boolean isMember = members.voters().contains(dir) || members.learners().contains(dir);
            if (members.up().contains(dir) && (members.lost().contains(dir) || !isMember)) {
                return Optional.of(
                        new Step.RebuildReplica(group, view.leader(), dir, members.voters()));
            }
            if (members.learners().contains(dir) && view.caughtUp().contains(dir)) {
                return Optional.of(new Step.PromoteReplica(group, view.leader(), dir, members));
            }
        }
        return Optional.empty();
    }

    private static Optional<Step> volumeStep(ClusterImage image, Volume volume) {
        return switch (volume.state()) {
            case CREATING -> Optional.of(new Step.OpenVolume(volume));
            case DELETING -> Optional.of(new Step.DropVolume(volume));
            case AVAILABLE ->
                    Optional.of(image.accessTo(volume.id()))
                            .filter(access -> !access.admitted())
                            .map(access -> new Step.Admit(volume, access));
        };
    }

    /** One at a time: every move stops its group for a moment. */
    private static Optional<Step> nextMove(
            ClusterImage image, Map<PlacementGroupId, LeaderView> leaders) {
        return image.placementGroups().values().stream()
                .filter(group -> group.state() == PlacementGroup.State.ACTIVE)
                .filter(group -> shouldMove(group, leaders.get(group.id())))
                .min(Comparator.comparing(PlacementGroup::id))
                .map(
                        group ->
                                new Step.MoveLeader(
                                        group.id(),
                                        group.raftGroupId(),
                                        leaders.get(group.id()).leader(),
                                        group.preferredLeader()));
    }

    private static boolean shouldMove(PlacementGroup group, LeaderView view) {
        return view != null
                && !view.leader().equals(group.preferredLeader())
                && view.caughtUp().contains(group.preferredLeader())
                && view.members().voters().contains(group.preferredLeader())
                && view.stableMs() >= LEADER_REST_MS;
    }
}
