package io.mirach.server.admin;

import io.mirach.admin.ErrorView;
import io.mirach.admin.RecoverRequest;
import io.mirach.admin.RecoveryView;
import io.mirach.model.ClusterImage;
import io.mirach.model.GroupRecovery;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.metadata.MetaCommand;
import java.time.Clock;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets a placement group that lost its majority for good go on from one replica, with possible
 * loss; for the meta leader. Blocks: called on the HTTP server's threads only. Thread-safe.
 */
final class RecoveryAdmin {
    private static final Logger LOG = LoggerFactory.getLogger(RecoveryAdmin.class);
    private static final long UNKNOWN = -1;

    private final ClusterAdmin cluster;
    private final NodeObservations seen;
    private final Clock clock;
    private final Supplier<UUID> ids;

    RecoveryAdmin(ClusterAdmin cluster, NodeObservations seen, Clock clock, Supplier<UUID> ids) {
        this.cluster = cluster;
        this.seen = seen;
        this.clock = clock;
        this.ids = ids;
    }

    /** A replica of the group, and the last that was heard of it. */
    private record Left(Replica replica, Optional<NodeHeartbeat.ReplicaReport> report, boolean up) {
        boolean isUsable() {
            return up
                    && report.filter(r -> r.status().role() != ReplicaStatus.Role.LOST)
                            .filter(r -> r.damage().beyondRepair().isEmpty())
                            .filter(r -> r.status().applied().index() >= 0)
                            .isPresent();
        }

        /** Whether its vote counts. */
        boolean votes() {
            return up
                    && report.filter(r -> r.status().role() != ReplicaStatus.Role.LOST).isPresent();
        }

        long applied() {
            return report.map(r -> r.status().applied().index()).orElse(UNKNOWN);
        }

        long newest() {
            return report.map(NodeHeartbeat.ReplicaReport::status)
                    .map(
                            status ->
                                    Stream.concat(
                                                    Stream.of(
                                                            status.applied().index(),
                                                            status.commitIndex()),
                                                    status.followers().stream()
                                                            .map(
                                                                    ReplicaStatus.Follower
                                                                            ::matchIndex))
                                            .max(Comparator.naturalOrder())
                                            .orElse(UNKNOWN))
                    .orElse(UNKNOWN);
        }
    }

    RecoveryView look(int pg, Optional<String> from) throws InterruptedException {
        cluster.awaitObserved();
        ClusterImage image = cluster.readyImage();
        return view(image, cluster.requireGroup(pg), from);
    }

    /** Returns once the survivor has taken over, or after a while. */
    RecoveryView recover(int pg, RecoverRequest request) throws InterruptedException {
        if (!request.acceptDataLoss()) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "what only the lost replicas had is lost by this: say that you accept"
                                    + " it")
                    .withRemedy("mirach pg recover pg" + pg + " --accept-data-loss");
        }
        RecoveryView before = look(pg, request.from());
        if (before.refusal().isPresent()) {
            RecoveryView.Refusal refusal = before.refusal().get();
            throw new ErrorView(refusal.code(), refusal.detail(), refusal.remedy()).toException();
        }
        PlacementGroup group = cluster.requireGroup(pg);
        Left survivor =
                left(cluster.readyImage(), group).stream()
                        .filter(l -> l.replica().node().equals(before.survivor().orElseThrow()))
                        .filter(Left::isUsable)
                        .max(Comparator.comparingLong(Left::applied))
                        .orElseThrow();
        UUID raftGroupId = ids.get();
        cluster.change(
                new MetaCommand.RecoverGroup(
                        group.id(),
                        group.raftGroupId(),
                        group.replicaSet().version(),
                        survivor.replica(),
                        raftGroupId,
                        clock.millis(),
                        survivor.applied(),
                        before.newestIndex()));
        LOG.warn(
                "{} is recovered with possible loss by an administrator's order, as Raft group {}"
                        + " instead of {}: {}",
                group.id(),
                raftGroupId,
                group.raftGroupId(),
                before);
        ClusterImage image =
                cluster.settled(
                        current ->
                                Optional.ofNullable(current.placementGroups().get(group.id()))
                                        .filter(g -> g.raftGroupId().equals(raftGroupId))
                                        .filter(g -> g.state() == PlacementGroup.State.RECOVERING)
                                        .isEmpty());
        boolean underWay =
                image.placementGroups().get(group.id()).state() == PlacementGroup.State.RECOVERING;
        return new RecoveryView(
                pg,
                underWay,
                Optional.empty(),
                before.survivor(),
                before.replicas(),
                before.newestIndex(),
                before.missingEntries(),
                before.volumes());
    }

    void discard(int pg) {
        cluster.readyImage();
        PlacementGroup group = cluster.requireGroup(pg);
        if (group.recovery().isEmpty()) {
            throw new MirachException(
                            ErrorCode.CONFLICT, "pg" + pg + " was never recovered with loss")
                    .withRemedy("mirach pg ls");
        }
        cluster.change(new MetaCommand.DiscardReplaced(group.id(), group.raftGroupId()));
        LOG.warn(
                "What {} was before its recovery is deleted by an administrator's order",
                group.id());
    }

    private List<Left> left(ClusterImage image, PlacementGroup group) {
        UUID raftGroup = group.holdingRaftGroup();
        return group.replicaSet().holders().stream()
                .map(
                        replica -> {
                            // A node that came back with other data dirs is not the one it was.
                            boolean up =
                                    image.nodeOfDataDir(replica.dataDir()).isPresent()
                                            && seen.isUp(replica.node());
                            Optional<NodeHeartbeat.ReplicaReport> report =
                                    seen.of(replica.node()).stream()
                                            .flatMap(beat -> beat.replicas().stream())
                                            .filter(r -> r.dataDir().equals(replica.dataDir()))
                                            .filter(r -> r.status().groupId().equals(raftGroup))
                                            .findFirst();
                            return new Left(replica, report, up);
                        })
                .toList();
    }

    private RecoveryView view(ClusterImage image, PlacementGroup group, Optional<String> from) {
        List<Left> left = left(image, group);
        Optional<Left> survivor =
                left.stream()
                        .filter(Left::isUsable)
                        .filter(
                                l ->
                                        from.filter(node -> !node.equals(l.replica().node()))
                                                .isEmpty())
                        .max(Comparator.comparingLong(Left::applied));
        long newest = left.stream().mapToLong(Left::newest).max().orElse(UNKNOWN);
        return new RecoveryView(
                group.id().value(),
                group.state() == PlacementGroup.State.RECOVERING,
                refusal(image, group, left, survivor, from),
                survivor.map(l -> l.replica().node()),
                left.stream().map(this::replica).toList(),
                newest,
                survivor.map(l -> Math.max(0, newest - l.applied())).orElse(0L),
                volumes(image, group.id()));
    }

    private static List<String> volumes(ClusterImage image, PlacementGroupId id) {
        return image.volumes().values().stream()
                .filter(volume -> volume.slots().contains(id))
                .map(Volume::name)
                .sorted()
                .toList();
    }

    private RecoveryView.ReplicaLeft replica(Left left) {
        Optional<NodeHeartbeat.ReplicaReport> report = left.report();
        String state;
        if (!left.up()) {
            OptionalLong seenMs = seen.lastSeenMs(left.replica().node());
            state =
                    seen.isUp(left.replica().node())
                            ? "its data dir is gone"
                            : "not heard for "
                                    + (seenMs.isPresent()
                                            ? seenMs.getAsLong() / 1000 + " s"
                                            : "at least " + seen.gatheringMs() / 1000 + " s");
        } else if (report.isEmpty()) {
            state = "its node does not have it";
        } else {
            state =
                    report.get()
                            .lostBecause()
                            .map(why -> "lost: " + why)
                            .or(() -> report.get().damage().beyondRepair())
                            .orElseGet(
                                    () ->
                                            report.get()
                                                    .status()
                                                    .role()
                                                    .name()
                                                    .toLowerCase(Locale.ROOT));
        }
        return new RecoveryView.ReplicaLeft(
                left.replica().node(),
                left.replica().dataDir(),
                left.isUsable(),
                state,
                left.applied());
    }

    private Optional<RecoveryView.Refusal> refusal(
            ClusterImage image,
            PlacementGroup group,
            List<Left> left,
            Optional<Left> survivor,
            Optional<String> from) {
        String name = "pg" + group.id().value();
        if (group.state() == PlacementGroup.State.CREATING) {
            return refuse(ErrorCode.CONFLICT, name + " is being created", "mirach pg ls");
        }
        if (group.state() == PlacementGroup.State.ACTIVE) {
            Set<UUID> voters = voters(group, left);
            long present =
                    voters.stream().filter(voter -> isPresent(image, group, voter, left)).count();
            if (2 * present > voters.size()) {
                return refuse(
                        ErrorCode.CONFLICT,
                        name
                                + " has a majority: "
                                + present
                                + " of "
                                + voters.size()
                                + " replicas that vote are there, so nothing needs to be lost",
                        "mirach pg ls; mirach status");
            }
        }
        if (from.isPresent()
                && left.stream().noneMatch(l -> l.replica().node().equals(from.get()))) {
            return refuse(
                    ErrorCode.NO_SUCH_NODE,
                    "node '" + from.get() + "' has no replica of " + name,
                    "mirach pg recover " + name + " --dry-run");
        }
        if (survivor.isEmpty()) {
            return refuse(
                    ErrorCode.NOT_ENOUGH_NODES,
                    (from.isPresent()
                                    ? "the replica of " + name + " on node '" + from.get() + "'"
                                    : "no replica of " + name)
                            + (from.isPresent() ? " cannot be used" : " can be used")
                            + ": "
                            + String.join(
                                    "; ",
                                    left.stream()
                                            .map(this::replica)
                                            .map(r -> r.node() + ": " + r.state())
                                            .toList()),
                    "bring a node with a replica back, or restore its disk");
        }
        Optional<GroupRecovery> underWay =
                group.recovery().filter(r -> group.state() == PlacementGroup.State.RECOVERING);
        if (underWay.filter(r -> r.survivor().equals(survivor.get().replica())).isPresent()) {
            return refuse(
                    ErrorCode.CONFLICT,
                    name + " is being recovered from that replica already",
                    "mirach pg ls --watch");
        }
        return Optional.empty();
    }

    private static Optional<RecoveryView.Refusal> refuse(
            ErrorCode code, String detail, String remedy) {
        return Optional.of(new RecoveryView.Refusal(code.name(), detail, remedy));
    }

    /** As the replica with the newest configuration says; else those of the map. */
    private static Set<UUID> voters(PlacementGroup group, List<Left> left) {
        return left.stream()
                .flatMap(l -> l.report().stream())
                .map(NodeHeartbeat.ReplicaReport::status)
                .filter(status -> !status.members().voters().isEmpty())
                .max(Comparator.comparingLong(ReplicaStatus::configurationIndex))
                .map(status -> status.members().voters())
                .orElseGet(
                        () -> {
                            Set<UUID> dirs = new HashSet<>();
                            group.replicaSet().replicas().forEach(r -> dirs.add(r.dataDir()));
                            return dirs;
                        });
    }

    /** Also one that the map does not know as a member. */
    private boolean isPresent(
            ClusterImage image, PlacementGroup group, UUID voter, List<Left> left) {
        Optional<Left> known =
                left.stream().filter(l -> l.replica().dataDir().equals(voter)).findFirst();
        if (known.isPresent()) {
            return known.get().votes();
        }
        Optional<StorageNode> node = image.nodeOfDataDir(voter);
        return node.flatMap(n -> seen.replica(new Replica(n.name(), voter), group.raftGroupId()))
                .filter(status -> status.role() != ReplicaStatus.Role.LOST)
                .isPresent();
    }
}
