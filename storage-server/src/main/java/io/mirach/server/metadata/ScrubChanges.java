package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.protocol.ErrorCode;

/** Changes of when groups are scrubbed. Pure. */
final class ScrubChanges {
    private ScrubChanges() {}

    static MetaTransition order(MetaState state, ClusterImage image, MetaCommand.OrderScrub c) {
        ClusterImage next = image;
        for (PlacementGroupId id : c.placementGroups()) {
            PlacementGroup group = image.placementGroups().get(id);
            if (group == null) {
                return noGroup(state, id);
            }
            next = put(next, group.with(group.scrub().orderedAt(c.atMs())));
        }
        return next == image ? MetaTransition.unchanged(state) : MetaTransition.to(state, next);
    }

    static MetaTransition scrubbed(MetaState state, ClusterImage image, MetaCommand.Scrubbed c) {
        PlacementGroup group = image.placementGroups().get(c.placementGroup());
        if (group == null) {
            return noGroup(state, c.placementGroup());
        }
        ClusterImage next =
                put(image, group.with(group.scrub().scrubbedAt(c.beganAtMs(), c.order())));
        return next == image ? MetaTransition.unchanged(state) : MetaTransition.to(state, next);
    }

    private static ClusterImage put(ClusterImage image, PlacementGroup group) {
        return group.equals(image.placementGroups().get(group.id()))
                ? image
                : ImageEdit.put(image, group);
    }

    private static MetaTransition noGroup(MetaState state, PlacementGroupId id) {
        return MetaTransition.refuse(state, ErrorCode.NO_SUCH_PLACEMENT_GROUP, "there is no " + id);
    }
}
