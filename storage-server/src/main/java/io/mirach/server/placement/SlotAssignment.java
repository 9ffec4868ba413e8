package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Spreads a new volume's slots over the placement groups. Pure. */
public final class SlotAssignment {
    private SlotAssignment() {}

    /**
     * One placement group per slot, in turn, beginning with those that have the fewest slots.
     * NOT_READY while no placement group is active.
     */
    public static List<PlacementGroupId> forNewVolume(ClusterImage image) {
        Map<PlacementGroupId, Integer> load = new HashMap<>();
        for (Volume volume : image.volumes().values()) {
            volume.slots().forEach(group -> load.merge(group, 1, Integer::sum));
        }
        List<PlacementGroupId> groups =
                image.placementGroups().values().stream()
                        .filter(group -> group.state() == PlacementGroup.State.ACTIVE)
                        .map(PlacementGroup::id)
                        .sorted(
                                Comparator.<PlacementGroupId>comparingInt(
                                                id -> load.getOrDefault(id, 0))
                                        .thenComparing(Comparator.naturalOrder()))
                        .limit(Slot.COUNT)
                        .toList();
        if (groups.isEmpty()) {
            throw new MirachException(
                            ErrorCode.NOT_READY, "no placement group is ready to take a volume")
                    .withRemedy("mirach pg ls");
        }
        List<PlacementGroupId> slots = new ArrayList<>();
        for (int slot = 0; slot < Slot.COUNT; slot++) {
            slots.add(groups.get(slot % groups.size()));
        }
        return slots;
    }
}
