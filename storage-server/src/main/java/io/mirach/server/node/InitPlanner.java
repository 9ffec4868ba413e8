package io.mirach.server.node;

import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.NodeView;
import io.mirach.model.DataDir;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.placement.ReplicaPlacement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;

/** Draws the ids of a new cluster and chooses its groups' members. */
final class InitPlanner {
    private InitPlanner() {}

    /**
     * @param views of all nodes, by the address that they were asked at
     * @param self the node that forms the cluster; a member of the meta group
     * @param placementGroups 0 for the default
     * @param ids draws ids
     */
    static InitPlan plan(
            Map<String, NodeView> views, String self, int placementGroups, Supplier<UUID> ids) {
        Map<String, StorageNode> nodes = new LinkedHashMap<>();
        views.values().forEach(view -> nodes.put(view.name(), view.asNode(ids)));
        List<StorageNode> metaNodes = ReplicaPlacement.metaMembers(nodes.values(), self);
        List<NodeInitRequest.MetaMember> metaMembers =
                metaNodes.stream().map(InitPlanner::metaMember).toList();
        UUID clusterId = ids.get();
        UUID metaGroupId = ids.get();
        List<InitPlan.PlannedNode> planned = new ArrayList<>();
        views.forEach(
                (address, view) ->
                        planned.add(
                                new InitPlan.PlannedNode(
                                        address,
                                        view.name(),
                                        new NodeInitRequest(
                                                clusterId,
                                                metaGroupId,
                                                nodes.get(view.name()).dataDirs().stream()
                                                        .map(DataDir::id)
                                                        .toList(),
                                                metaMembers),
                                        false)));
        int groupCount =
                placementGroups > 0
                        ? placementGroups
                        : ReplicaPlacement.defaultGroupCount(nodes.values());
        List<MetaCommand.NewGroup> groups =
                ReplicaPlacement.place(nodes.values(), groupCount).stream()
                        .map(
                                choice ->
                                        new MetaCommand.NewGroup(
                                                ids.get(),
                                                choice.replicas(),
                                                choice.preferredLeader()))
                        .toList();
        ReplicaSet metaReplicas =
                new ReplicaSet(
                        1,
                        metaMembers.stream().map(m -> new Replica(m.node(), m.dataDir())).toList());
        return new InitPlan(
                InitPlan.FORMAT,
                planned,
                new MetaCommand.FormCluster(
                        clusterId, metaGroupId, metaReplicas, List.copyOf(nodes.values()), groups));
    }

    private static NodeInitRequest.MetaMember metaMember(StorageNode node) {
        DataDir first = node.dataDirs().get(0);
        return new NodeInitRequest.MetaMember(
                node.name(), first.id(), first.raftAddress(), node.nativeAddress());
    }
}
