package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.GroupRecovery;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;

/**
 * A placement group that lost its majority for good gets another Raft group: from then on none of
 * the one before is served anywhere, whoever of it comes back. Pure.
 */
final class RecoveryChanges {
    private RecoveryChanges() {}

    static MetaTransition begin(MetaState state, ClusterImage image, MetaCommand.RecoverGroup c) {
        PlacementGroup group = image.placementGroups().get(c.placementGroup());
        if (group == null) {
            return noGroup(state, c.placementGroup());
        }
        if (group.raftGroupId().equals(c.raftGroupId())) {
            return MetaTransition.unchanged(state);
        }
        ReplicaSet set = group.replicaSet();
        if (!group.raftGroupId().equals(c.expected()) || set.version() != c.version()) {
            return MetaTransition.refuse(
                    state, ErrorCode.CONFLICT, c.placementGroup() + " was changed meanwhile");
        }
        if (group.state() == PlacementGroup.State.CREATING) {
            return MetaTransition.refuse(
                    state, ErrorCode.CONFLICT, c.placementGroup() + " is being created");
        }
        boolean isMember = set.replicas().contains(c.survivor());
        if (!isMember && set.move().filter(m -> m.to().equals(c.survivor())).isEmpty()) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.CONFLICT,
                    c.survivor() + " has no replica of " + c.placementGroup());
        }
        List<UUID> replaced =
                new ArrayList<>(group.recovery().map(GroupRecovery::replaced).orElse(List.of()));
        replaced.add(group.raftGroupId());
        GroupRecovery recovery =
                new GroupRecovery(
                        replaced,
                        group.holdingRaftGroup(),
                        c.survivor(),
                        c.atMs(),
                        c.appliedIndex(),
                        c.newestIndex(),
                        false);
        // A move under way has come to its end, or begins anew.
        ReplicaSet next = isMember ? set.settled() : set.moved();
        ClusterImage recovering =
                ImageEdit.put(image, group.recovering(c.raftGroupId(), next, recovery));
        return detachAll(state, recovering, c.placementGroup());
    }

    /**
     * What is in the volumes may go back in time under whoever uses them, so all are detached. The
     * survivor may know neither the newest volumes nor whom they admit: it is told anew.
     */
    private static MetaTransition detachAll(
            MetaState state, ClusterImage image, PlacementGroupId recovered) {
        MetaTransition transition = MetaTransition.to(state, image);
        for (Volume volume :
                image.volumes().values().stream()
                        .filter(v -> v.state() == Volume.State.AVAILABLE)
                        .filter(v -> v.slots().contains(recovered))
                        .sorted(Comparator.comparing(Volume::id))
                        .toList()) {
            ClusterImage current = transition.next().image().orElseThrow();
            VolumeAccess before = current.accessTo(volume.id());
            VolumeAccess after =
                    AttachmentChanges.revoked(
                            before,
                            before.held().toList(),
                            recovered + " was recovered, with possible loss");
            transition =
                    AttachmentChanges.toAdmit(
                            transition.next(),
                            ImageEdit.put(current, volume.inState(Volume.State.CREATING)),
                            after);
        }
        return transition;
    }

    static MetaTransition end(MetaState state, ClusterImage image, MetaCommand.GroupRecovered c) {
        PlacementGroup group = image.placementGroups().get(c.placementGroup());
        if (group == null) {
            return noGroup(state, c.placementGroup());
        }
        boolean awaited =
                group.state() == PlacementGroup.State.RECOVERING
                        && group.raftGroupId().equals(c.raftGroupId());
        return awaited
                ? MetaTransition.to(
                        state, ImageEdit.put(image, group.in(PlacementGroup.State.ACTIVE)))
                : MetaTransition.unchanged(state);
    }

    static MetaTransition discard(
            MetaState state, ClusterImage image, MetaCommand.DiscardReplaced c) {
        PlacementGroup group = image.placementGroups().get(c.placementGroup());
        if (group == null) {
            return noGroup(state, c.placementGroup());
        }
        if (group.recovery().isEmpty()
                || group.state() != PlacementGroup.State.ACTIVE
                || !group.raftGroupId().equals(c.raftGroupId())) {
            return MetaTransition.refuse(
                    state, ErrorCode.CONFLICT, c.placementGroup() + " was changed meanwhile");
        }
        return group.recovery().get().discards()
                ? MetaTransition.unchanged(state)
                : MetaTransition.to(
                        state,
                        ImageEdit.put(image, group.with(group.recovery().get().discarding())));
    }

    private static MetaTransition noGroup(MetaState state, PlacementGroupId id) {
        return MetaTransition.refuse(state, ErrorCode.NO_SUCH_PLACEMENT_GROUP, "there is no " + id);
    }
}
