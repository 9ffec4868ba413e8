package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.Gateway;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import java.util.HashMap;
import java.util.Map;

/** The first map, and what comes to be by its order. Pure. */
final class MembershipChanges {
    private static final long FIRST_VERSION = 1;

    private MembershipChanges() {}

    static MetaTransition form(MetaState state, MetaCommand.FormCluster form) {
        if (state.image().isPresent()) {
            ClusterImage image = state.image().get();
            return image.clusterId().equals(form.clusterId())
                    ? MetaTransition.unchanged(state)
                    : MetaTransition.refuse(
                            state,
                            ErrorCode.ALREADY_INITIALISED,
                            "this is cluster " + image.clusterId());
        }
        Map<String, StorageNode> nodes = new HashMap<>();
        form.nodes().forEach(node -> nodes.put(node.name(), node));
        Map<PlacementGroupId, PlacementGroup> groups = new HashMap<>();
        for (MetaCommand.NewGroup group : form.placementGroups()) {
            PlacementGroupId id = new PlacementGroupId(groups.size() + 1);
            groups.put(
                    id,
                    new PlacementGroup(
                            id,
                            group.raftGroupId(),
                            new ReplicaSet(1, group.replicas()),
                            group.preferredLeader(),
                            PlacementGroup.State.CREATING));
        }
        return MetaTransition.to(
                state,
                new ClusterImage(
                        FIRST_VERSION,
                        form.clusterId(),
                        form.metaGroupId(),
                        form.metaReplicas(),
                        nodes,
                        groups,
                        Map.of(),
                        Map.of(),
                        Map.of()));
    }

    static MetaTransition activate(MetaState state, ClusterImage image, PlacementGroupId id) {
        PlacementGroup group = image.placementGroups().get(id);
        if (group == null) {
            return MetaTransition.refuse(
                    state, ErrorCode.NO_SUCH_PLACEMENT_GROUP, "there is no " + id);
        }
        if (group.state() != PlacementGroup.State.CREATING) {
            return MetaTransition.unchanged(state);
        }
        return MetaTransition.to(
                state, ImageEdit.put(image, group.in(PlacementGroup.State.ACTIVE)));
    }

    static MetaTransition add(MetaState state, ClusterImage image, Gateway gateway) {
        return gateway.equals(image.gateways().get(gateway.name()))
                ? MetaTransition.unchanged(state)
                : MetaTransition.to(state, ImageEdit.put(image, gateway));
    }
}
