package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroup;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Says what is to be done next, from the map and what is seen of the groups. Pure. */
public final class PlacementDriver {
    /** A leader stays this long before it is moved: leadership must not chase a flapping node. */
    public static final long LEADER_REST_MS = 10_000;

    private PlacementDriver() {}

    /** Steps that may be taken in any order and at the same time. */
    public static List<Step> plan(ClusterImage image, ClusterSight sight) {
        List<Step> steps = new ArrayList<>();
        image.nodes().values().stream()
                .filter(node -> node.duty().state() == NodeDuty.State.JOINING)
                .filter(node -> sight.arrived().contains(node.name()))
                .sorted(Comparator.comparing(StorageNode::name))
                .map(Step.AdmitNode::new)
                .forEach(steps::add);
        image.placementGroups().values().stream()
                .filter(group -> group.state() == PlacementGroup.State.CREATING)
                .sorted(Comparator.comparing(PlacementGroup::id))
                .map(Step.CreateGroup::new)
                .forEach(steps::add);
        steps.addAll(RecoveryPlan.steps(image, sight));
        image.volumes().values().stream()
                .sorted(Comparator.comparing(Volume::id))
                .forEach(
                        volume -> {
                            volumeStep(image, volume).ifPresent(steps::add);
                            sealStep(volume).ifPresent(steps::add);
                        });
        image.access().values().stream()
                .sorted(Comparator.comparing(VolumeAccess::volume))
                .forEach(
                        access ->
                                access.migration()
                                        .filter(sight.isOver())
                                        .map(over -> new Step.EndMigration(access, over))
                                        .ifPresent(steps::add));
        steps.addAll(MovePlan.steps(image, sight));
        steps.addAll(MemberPlan.steps(image, sight));
        LeaderPlan.next(image, sight).ifPresent(steps::add);
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

    /** Beside changes of who is admitted: neither waits for the other. */
    private static Optional<Step> sealStep(Volume volume) {
        return volume.sealing()
                .filter(sealing -> volume.state() == Volume.State.AVAILABLE)
                .map(sealing -> new Step.SealHead(volume, sealing));
    }
}
