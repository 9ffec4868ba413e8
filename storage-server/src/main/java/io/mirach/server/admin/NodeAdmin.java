package io.mirach.server.admin;

import io.mirach.admin.AddNodeRequest;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AdviceView;
import io.mirach.admin.DataDirView;
import io.mirach.admin.LossView;
import io.mirach.admin.NodeDutyRequest;
import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.NodeView;
import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.GroupRecovery;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.placement.Survival;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * What administrators do with nodes; for the meta leader. Blocks: called on the HTTP server's
 * threads only. Thread-safe.
 */
final class NodeAdmin {
    private static final long MAX_MAINTENANCE_MS = 7L * 24 * 3_600_000;

    private final ClusterAdmin cluster;
    private final Outlook outlook;
    private final Clock clock;

    NodeAdmin(ClusterAdmin cluster, Outlook outlook, Clock clock) {
        this.cluster = cluster;
        this.outlook = outlook;
        this.clock = clock;
    }

    // ---- membership ----

    /**
     * First the map names the node with its new data dirs, then the node is told who it is; it
     * counts once it is heard under that name. Repeated after an interruption it goes on.
     */
    NodeSummary add(AddNodeRequest request) {
        ClusterImage image = cluster.readyImage();
        AdminClient client = new AdminClient(List.of(HttpEndpoint.parse(request.httpAddress())));
        NodeView view = client.node();
        StorageNode known = image.nodes().get(view.name());
        boolean joins = known != null && known.duty().state() == NodeDuty.State.JOINING;
        requireAddable(request, image, view, known);
        if (!joins && outlook.sight(image).up().contains(view.name())) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "node '"
                                    + view.name()
                                    + "' is alive at "
                                    + known.httpAddress()
                                    + ", with its data dirs")
                    .withRemedy("give the new node another name");
        }
        StorageNode node =
                joins && (view.initialised() || isOffered(known, view))
                        ? known
                        : view.asNode(UUID::randomUUID);
        if (!node.equals(known)) {
            cluster.change(
                    new MetaCommand.AddNode(node, known == null ? List.of() : known.dataDirs()));
        }
        client.initNode(
                new NodeInitRequest(
                        image.clusterId(),
                        image.metaGroupId(),
                        node.dataDirs().stream().map(DataDir::id).toList(),
                        metaMembers(image)));
        ClusterImage joined =
                cluster.settled(
                        current ->
                                Optional.ofNullable(current.nodes().get(view.name()))
                                        .filter(n -> n.duty().state() == NodeDuty.State.JOINING)
                                        .isEmpty());
        return cluster.reports(joined).node(require(joined, view.name()));
    }

    private static void requireAddable(
            AddNodeRequest request, ClusterImage image, NodeView view, StorageNode known) {
        if (view.initialised()) {
            boolean ours = view.clusterId().equals(Optional.of(image.clusterId()));
            boolean asGiven =
                    ours
                            && known != null
                            && known.dataDirs().stream()
                                    .map(DataDir::id)
                                    .toList()
                                    .equals(
                                            view.dataDirs().stream()
                                                    .flatMap(dir -> dir.id().stream())
                                                    .toList());
            if (asGiven && known.duty().state() == NodeDuty.State.JOINING) {
                return;
            }
            throw new MirachException(
                            ErrorCode.ALREADY_INITIALISED,
                            "node '"
                                    + view.name()
                                    + "' belongs to "
                                    + (ours
                                            ? "this cluster"
                                                    + (known == null
                                                            ? ", which has removed it"
                                                            : " already")
                                            : "cluster "
                                                    + view.clusterId()
                                                            .map(UUID::toString)
                                                            .orElse("?")))
                    .withRemedy(
                            asGiven
                                    ? "mirach node ls"
                                    : "give it empty data dirs, and repeat this");
        }
        requireOurs(image, view, known);
        if (known == null) {
            if (request.replace()) {
                throw new MirachException(
                                ErrorCode.NO_SUCH_NODE,
                                "no node is named '" + view.name() + "', so none is replaced")
                        .withRemedy("mirach node add " + request.httpAddress());
            }
            return;
        }
        if (known.duty().state() != NodeDuty.State.JOINING && !request.replace()) {
            throw new MirachException(
                            ErrorCode.CONFLICT,
                            "there is a node '"
                                    + view.name()
                                    + "' with data dirs of its own; of this one's some or all are"
                                    + " empty")
                    .withRemedy(
                            "if they were lost: mirach node add "
                                    + request.httpAddress()
                                    + " --replace; else give this node another name");
        }
    }

    /** What a node that lost some of its data dirs has kept must be what the cluster knows. */
    private static void requireOurs(ClusterImage image, NodeView view, StorageNode known) {
        for (int i = 0; i < view.dataDirs().size(); i++) {
            DataDirView kept = view.dataDirs().get(i);
            if (kept.id().isEmpty()) {
                continue;
            }
            boolean ours = view.clusterId().equals(Optional.of(image.clusterId()));
            boolean inPlace =
                    ours
                            && known != null
                            && i < known.dataDirs().size()
                            && known.dataDirs()
                                    .get(i)
                                    .equals(new DataDir(kept.id().get(), kept.raftAddress()));
            if (!inPlace) {
                throw new MirachException(
                                ErrorCode.CONFLICT,
                                "data dir "
                                        + kept.path()
                                        + " of node '"
                                        + view.name()
                                        + "' belongs to cluster "
                                        + view.clusterId().map(UUID::toString).orElse("?")
                                        + (ours ? ", which does not know it so" : ""))
                        .withRemedy(
                                "give the node its data dirs and raft-address as they were, in that"
                                        + " order, or only empty ones");
            }
        }
    }

    /** Whether a node still is as it was when it was first added. */
    private static boolean isOffered(StorageNode known, NodeView view) {
        return known.httpAddress().equals(view.httpAddress())
                && known.nativeAddress().equals(view.nativeAddress())
                && known.dataDirs().stream()
                        .map(DataDir::raftAddress)
                        .toList()
                        .equals(view.dataDirs().stream().map(DataDirView::raftAddress).toList());
    }

    private static List<NodeInitRequest.MetaMember> metaMembers(ClusterImage image) {
        List<NodeInitRequest.MetaMember> members = new ArrayList<>();
        for (Replica replica : image.metaReplicas().replicas()) {
            StorageNode node = image.nodes().get(replica.node());
            // One whose data dir was lost is no member to ask.
            Optional.ofNullable(node)
                    .flatMap(n -> n.dataDir(replica.dataDir()))
                    .ifPresent(
                            dir ->
                                    members.add(
                                            new NodeInitRequest.MetaMember(
                                                    node.name(),
                                                    dir.id(),
                                                    dir.raftAddress(),
                                                    node.nativeAddress())));
        }
        return members;
    }

    NodeSummary setDuty(String name, NodeDutyRequest request) {
        ClusterImage image = cluster.readyImage();
        NodeDuty before = require(image, name).duty();
        if (before.state() == NodeDuty.State.JOINING) {
            throw new MirachException(ErrorCode.NOT_READY, "node '" + name + "' has not joined yet")
                    .withRemedy("mirach node ls");
        }
        if (request.maintenanceMs().orElse(0) > MAX_MAINTENANCE_MS) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "a maintenance takes at most 7 days")
                    .withRemedy("mirach node drain " + name);
        }
        NodeDuty after = request.state().map(before::with).orElse(before);
        if (request.maintenanceMs().isPresent()) {
            long ms = request.maintenanceMs().getAsLong();
            after = after.inMaintenanceUntil(ms == 0 ? 0 : clock.millis() + ms);
        }
        cluster.change(new MetaCommand.SetDuty(name, before, after));
        ClusterImage changed = cluster.readyImage();
        return cluster.reports(changed).node(require(changed, name));
    }

    void remove(String name) throws InterruptedException {
        cluster.awaitObserved();
        ClusterImage image = cluster.readyImage();
        Set<UUID> dirs =
                require(image, name).dataDirs().stream()
                        .map(DataDir::id)
                        .collect(Collectors.toSet());
        requireNoneReplaced(image, name, dirs);
        long kept =
                outlook.sight(image).held().stream()
                        .filter(held -> dirs.contains(held.dataDir()))
                        .count();
        if (kept > 0 && image.replicasOn(name) == 0) {
            throw new MirachException(
                            ErrorCode.NOT_READY,
                            "node '" + name + "' still deletes " + kept + " replicas")
                    .withRemedy("mirach node remove " + name + ", in a moment");
        }
        cluster.change(new MetaCommand.RemoveNode(name));
    }

    /** What a group was before it was recovered with loss is nobody else's to delete. */
    private void requireNoneReplaced(ClusterImage image, String name, Set<UUID> dirs) {
        for (PlacementGroup group : image.placementGroups().values()) {
            List<UUID> replaced =
                    group.recovery()
                            .filter(recovery -> !recovery.discards())
                            .map(GroupRecovery::replaced)
                            .orElse(List.of());
            boolean keeps =
                    outlook.sight(image).held().stream()
                            .filter(held -> dirs.contains(held.dataDir()))
                            .anyMatch(held -> replaced.contains(held.raftGroupId()));
            if (keeps) {
                throw new MirachException(
                                ErrorCode.CONFLICT,
                                "node '"
                                        + name
                                        + "' keeps what "
                                        + group.id()
                                        + " was before it was recovered with possible loss")
                        .withRemedy("mirach pg recover " + group.id() + " --discard-old");
            }
        }
    }

    private static StorageNode require(ClusterImage image, String name) {
        return Optional.ofNullable(image.nodes().get(name))
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NO_SUCH_NODE,
                                                "no node is named '" + name + "'")
                                        .withRemedy("mirach node ls"));
    }

    // ---- what is safe ----

    LossView loss(String name) throws InterruptedException {
        cluster.awaitObserved();
        ClusterImage image = cluster.readyImage();
        require(image, name);
        List<Survival.Group> groups = Survival.without(image, outlook.sight(image), name);
        List<LossView.Group> views =
                groups.stream()
                        .map(
                                g ->
                                        new LossView.Group(
                                                g.placementGroup()
                                                        .map(PlacementGroupId::value)
                                                        .orElse(0),
                                                g.left(),
                                                g.needed()))
                        .toList();
        return new LossView(
                name,
                views.stream().allMatch(LossView.Group::survives),
                (int) groups.stream().filter(Survival.Group::ledByIt).count(),
                views);
    }

    AdviceView advice() throws InterruptedException {
        return Advice.of(cluster.status(), cluster.readyImage(), outlook);
    }
}
