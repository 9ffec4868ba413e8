package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.Migration;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
     * @param isOver whether the window of a migration is
     */
    public static List<Step> plan(
            ClusterImage image,
            Map<PlacementGroupId, LeaderView> leaders,
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
        nextMove(image, leaders).ifPresent(steps::add);
        return steps;
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
                && view.stableMs() >= LEADER_REST_MS;
    }
}
