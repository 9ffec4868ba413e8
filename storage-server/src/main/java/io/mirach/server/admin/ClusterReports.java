package io.mirach.server.admin;

import io.mirach.admin.AttachmentView;
import io.mirach.admin.DfView;
import io.mirach.admin.ExportView;
import io.mirach.admin.GatewayView;
import io.mirach.admin.NbdUri;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.StatusView;
import io.mirach.admin.VolumeView;
import io.mirach.model.Attachment;
import io.mirach.model.Block;
import io.mirach.model.ClusterImage;
import io.mirach.model.Export;
import io.mirach.model.Gateway;
import io.mirach.model.GroupRecovery;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.Snapshot;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.maintenance.Scrubs;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What the admin API shows, put together from the cluster map and what the meta leader hears of
 * nodes. Stateless; any thread.
 */
final class ClusterReports {
    static final double NEAR_FULL = 0.85;
    // So many entries behind its leader, a replica is shown as lagging.
    static final long LAGGING_ENTRIES = 1_000;

    private final ClusterImage image;
    private final NodeObservations seen;
    private final AttachmentTerms terms;
    private final Function<PlacementGroupId, Scrubs.Progress> scrubs;
    private final long nowMs;

    /**
     * @param scrubs how far they are
     * @param nowMs wall clock, milliseconds since 1970
     */
    ClusterReports(
            ClusterImage image,
            NodeObservations seen,
            AttachmentTerms terms,
            Function<PlacementGroupId, Scrubs.Progress> scrubs,
            long nowMs) {
        this.image = image;
        this.seen = seen;
        this.terms = terms;
        this.scrubs = scrubs;
        this.nowMs = nowMs;
    }

    List<NodeSummary> nodes() {
        return sorted(image.nodes().values(), Comparator.comparing(StorageNode::name)).stream()
                .map(this::node)
                .toList();
    }

    NodeSummary node(StorageNode node) {
        return summary(image, node, seen.isUp(node.name()), seen.lastSeenMs(node.name()), nowMs);
    }

    static NodeSummary summary(
            ClusterImage image, StorageNode node, boolean up, OptionalLong lastSeenMs, long nowMs) {
        return new NodeSummary(
                node.name(),
                node.nativeAddress(),
                node.httpAddress(),
                node.zone(),
                node.rack(),
                node.labels(),
                up ? NodeSummary.State.UP : NodeSummary.State.DOWN,
                lastSeenMs.orElse(-1),
                node.dataDirs().size(),
                node.duty().state(),
                Math.max(0, node.duty().maintenanceUntilMs() - nowMs),
                image.replicasOn(node.name()));
    }

    // ---- placement groups ----

    /** The meta group, as 0, then the placement groups. */
    List<PgView> placementGroups() {
        List<PgView> views = new ArrayList<>();
        views.add(
                pg(
                        0,
                        image.metaGroupId(),
                        image.metaReplicas(),
                        PlacementGroup.State.ACTIVE,
                        PgView.Scrub.NONE,
                        Optional.empty()));
        for (PlacementGroup group :
                sorted(
                        image.placementGroups().values(),
                        Comparator.comparing(PlacementGroup::id))) {
            views.add(
                    pg(
                            group.id().value(),
                            group.raftGroupId(),
                            group.replicaSet(),
                            group.state(),
                            scrub(group),
                            group.recovery().map(this::recovery)));
        }
        return views;
    }

    private PgView.Scrub scrub(PlacementGroup group) {
        Scrubs.Progress progress = scrubs.apply(group.id());
        return new PgView.Scrub(
                group.scrub().scrubbedAtMs(),
                group.scrub().orderedAtMs() > 0,
                progress.percent(),
                progress.finding());
    }

    private PgView.Recovery recovery(GroupRecovery recovery) {
        List<String> leftOn =
                image.nodes().keySet().stream()
                        .filter(seen::isUp)
                        .filter(
                                node ->
                                        seen.of(node).stream()
                                                .flatMap(beat -> beat.replicas().stream())
                                                .map(report -> report.status().groupId())
                                                .anyMatch(recovery.replaced()::contains))
                        .sorted()
                        .toList();
        return new PgView.Recovery(
                recovery.orderedAtMs(),
                recovery.survivor().node(),
                recovery.appliedIndex(),
                recovery.newestIndex(),
                recovery.discards(),
                leftOn);
    }

    private static PgView.Condition condition(
            PlacementGroup.State state, boolean led, boolean whole) {
        return switch (state) {
            case CREATING -> PgView.Condition.CREATING;
            case RECOVERING -> PgView.Condition.RECOVERING;
            case ACTIVE ->
                    !led
                            ? PgView.Condition.UNSERVED
                            : whole ? PgView.Condition.HEALTHY : PgView.Condition.DEGRADED;
        };
    }

    private PgView pg(
            int id,
            UUID raftGroupId,
            ReplicaSet set,
            PlacementGroup.State state,
            PgView.Scrub scrub,
            Optional<PgView.Recovery> recovery) {
        Optional<ReplicaStatus> leader = seen.leader(raftGroupId);
        List<PgView.Member> members =
                set.holders().stream()
                        .map(
                                replica ->
                                        member(
                                                replica,
                                                raftGroupId,
                                                leader,
                                                !set.replicas().contains(replica)))
                        .toList();
        boolean whole =
                members.stream()
                        .filter(m -> !m.incoming())
                        .allMatch(
                                m ->
                                        !m.role().equals("UNREACHABLE")
                                                && !m.role()
                                                        .equals(ReplicaStatus.Role.LISTENER.name())
                                                && m.lostBecause().isEmpty()
                                                && m.damage().intact()
                                                && !m.needsBackfill()
                                                && m.lagEntries() <= LAGGING_ENTRIES);
        Optional<String> leaderNode =
                members.stream()
                        .filter(m -> m.role().equals(ReplicaStatus.Role.LEADER.name()))
                        .map(PgView.Member::node)
                        .findFirst();
        return new PgView(
                id,
                raftGroupId,
                condition(state, leader.isPresent(), whole),
                leader.flatMap(l -> leaderNode),
                leader.map(ReplicaStatus::term).orElse(0L),
                leader.map(l -> l.applied().index()).orElse(0L),
                members,
                set.move()
                        .map(
                                move ->
                                        new PgView.Move(
                                                move.from().node(),
                                                move.to().node(),
                                                move.reason())),
                scrub,
                recovery);
    }

    private PgView.Member member(
            Replica replica, UUID raftGroupId, Optional<ReplicaStatus> leader, boolean incoming) {
        Optional<NodeHeartbeat.ReplicaReport> report = seen.report(replica, raftGroupId);
        Optional<ReplicaStatus> own = report.map(NodeHeartbeat.ReplicaReport::status);
        Optional<ReplicaStatus.Follower> asFollower =
                leader.stream()
                        .flatMap(l -> l.followers().stream())
                        .filter(f -> f.peer().equals(replica.dataDir()))
                        .findFirst();
        boolean leads =
                own.isPresent()
                        && leader.isPresent()
                        && own.get().role() == ReplicaStatus.Role.LEADER
                        && own.get().term() == leader.get().term();
        String role = own.map(ReplicaStatus::role).map(Enum::name).orElse("UNREACHABLE");
        if (!leads && role.equals(ReplicaStatus.Role.LEADER.name())) {
            // It has not yet heard of the newer term.
            role = ReplicaStatus.Role.FOLLOWER.name();
        }
        return new PgView.Member(
                replica.node(),
                replica.dataDir(),
                role,
                own.map(status -> status.applied().index()).orElse(-1L),
                leads ? 0 : asFollower.map(f -> lag(leader.get(), f)).orElse(-1L),
                asFollower.map(ReplicaStatus.Follower::needsBackfill).orElse(false),
                seen.backfill(replica, raftGroupId).map(ClusterReports::backfill),
                report.flatMap(NodeHeartbeat.ReplicaReport::lostBecause),
                incoming,
                report.map(NodeHeartbeat.ReplicaReport::damage)
                        .map(ClusterReports::damage)
                        .orElse(PgView.Damage.NONE));
    }

    private static PgView.Damage damage(NodeHeartbeat.Damage seen) {
        return new PgView.Damage(seen.blocks(), seen.repaired(), seen.beyondRepair());
    }

    private static PgView.Backfill backfill(NodeHeartbeat.Backfill seen) {
        long left = (seen.totalBlocks() - seen.doneBlocks()) * Block.BYTES;
        return new PgView.Backfill(
                seen.round(),
                seen.doneBlocks() * Block.BYTES,
                seen.totalBlocks() * Block.BYTES,
                seen.bytesPerSecond(),
                seen.bytesPerSecond() == 0 ? -1 : left / seen.bytesPerSecond());
    }

    private static long lag(ReplicaStatus leader, ReplicaStatus.Follower follower) {
        return Math.max(0, leader.commitIndex() - follower.matchIndex());
    }

    // ---- volumes, gateways ----

    /**
     * @param storedBytes as far as it is known
     */
    List<VolumeView> volumes(Map<VolumeId, Long> storedBytes) {
        return sorted(image.volumes().values(), Comparator.comparing(Volume::name)).stream()
                .map(volume -> volume(volume, storedBytes))
                .toList();
    }

    /** See {@link #volumes}. */
    VolumeView volume(Volume volume, Map<VolumeId, Long> storedBytes) {
        Long stored = storedBytes.get(volume.id());
        return new VolumeView(
                volume.id().value(),
                volume.name(),
                volume.sizeBytes(),
                volume.extentBytes(),
                stored == null ? OptionalLong.empty() : OptionalLong.of(stored),
                volume.state(),
                volume.createdAtMs(),
                volume.strictReads(),
                volume.slots().stream().distinct().sorted().map(PlacementGroupId::value).toList(),
                attachments(image.accessTo(volume.id())).toList(),
                image.accessTo(volume.id()).exports().stream().map(this::export).toList(),
                (int) volume.snapshots().stream().filter(Snapshot::visible).count(),
                volume.limits());
    }

    List<AttachmentView> attachments() {
        return image.access().values().stream()
                .flatMap(this::attachments)
                .sorted(
                        Comparator.comparing(AttachmentView::volume)
                                .thenComparing(AttachmentView::epoch))
                .toList();
    }

    private Stream<AttachmentView> attachments(VolumeAccess access) {
        return access.attachments().stream().map(a -> attachment(access, a));
    }

    private AttachmentView attachment(VolumeAccess access, Attachment attachment) {
        String volume = image.volumes().get(attachment.volume()).name();
        return new AttachmentView(
                volume,
                attachment.epoch().value(),
                attachment.mode(),
                attachment.gateway(),
                attachment.host(),
                attachment.state(),
                attachment.grantedAtMs(),
                Math.max(0, nowMs - attachment.grantedAtMs()),
                attachment.held() ? terms.leftMs(attachment.epoch()) : 0,
                attachment.revokedBecause(),
                access.migration()
                        .filter(m -> attachment.held())
                        .map(
                                m ->
                                        new AttachmentView.MigrationView(
                                                m.from(), m.to(), terms.leftMs(m))),
                nbdUris(attachment.gateway(), volume));
    }

    ExportView export(Export export) {
        String volume = image.volumes().get(export.volume()).name();
        return new ExportView(
                volume, export.gateway(), export.mode(), nbdUris(export.gateway(), volume));
    }

    private List<String> nbdUris(String gateway, String volume) {
        return Optional.ofNullable(image.gateways().get(gateway)).stream()
                .flatMap(g -> g.nbdUris().stream())
                .map(uri -> NbdUri.ofExport(uri, volume))
                .toList();
    }

    List<GatewayView> gateways() {
        return sorted(image.gateways().values(), Comparator.comparing(Gateway::name)).stream()
                .map(this::gateway)
                .toList();
    }

    private GatewayView gateway(Gateway gateway) {
        List<String> held =
                image.attachments()
                        .filter(Attachment::held)
                        .filter(a -> a.gateway().equals(gateway.name()))
                        .map(a -> image.volumes().get(a.volume()).name())
                        .sorted()
                        .toList();
        return new GatewayView(
                gateway.name(),
                gateway.host(),
                gateway.nbdUris(),
                seen.isGatewayUp(gateway.name()) ? GatewayView.State.UP : GatewayView.State.DOWN,
                seen.gatewayLastSeenMs(gateway.name()).orElse(-1),
                held,
                seen.endedExports(gateway.name()));
    }

    // ---- room ----

    DfView df() {
        List<DfView.Row> rows = new ArrayList<>();
        for (StorageNode node :
                sorted(image.nodes().values(), Comparator.comparing(StorageNode::name))) {
            seen.of(node.name()).stream()
                    .flatMap(heartbeat -> heartbeat.dirs().stream())
                    .map(dir -> row(node, dir))
                    .forEach(rows::add);
        }
        return new DfView(capacity(), provisionedBytes(), rows);
    }

    /** A data dir that is much slower than the others. */
    record SlowDisk(String node, NodeHeartbeat.DirUsage dir) {}

    List<SlowDisk> slowDisks() {
        Set<UUID> slow = seen.slowDisks();
        return sorted(image.nodes().keySet(), Comparator.naturalOrder()).stream()
                .flatMap(
                        node ->
                                seen.of(node).stream()
                                        .flatMap(heartbeat -> heartbeat.dirs().stream())
                                        .filter(dir -> slow.contains(dir.dataDir()))
                                        .map(dir -> new SlowDisk(node, dir)))
                .toList();
    }

    private static DfView.Row row(StorageNode node, NodeHeartbeat.DirUsage dir) {
        return new DfView.Row(
                node.name(),
                dir.dataDir(),
                dir.path(),
                dir.capacityBytes(),
                dir.usedBytes(),
                dir.availableBytes(),
                fill(dir));
    }

    private static DfView.Fill fill(NodeHeartbeat.DirUsage dir) {
        // The node itself refuses writes, so its word counts, not a percentage.
        return switch (dir.room()) {
            case LOW -> DfView.Fill.FULL;
            case SCARCE -> DfView.Fill.NEAR_FULL;
            case AMPLE ->
                    dir.availableBytes() < (1 - NEAR_FULL) * dir.capacityBytes()
                            ? DfView.Fill.NEAR_FULL
                            : DfView.Fill.OK;
        };
    }

    StatusView.Capacity capacity() {
        long total = 0;
        long used = 0;
        long available = 0;
        for (String node : image.nodes().keySet()) {
            for (NodeHeartbeat.DirUsage dir :
                    seen.of(node).map(NodeHeartbeat::dirs).orElse(List.of())) {
                total += dir.capacityBytes();
                used += dir.usedBytes();
                available += dir.availableBytes();
            }
        }
        return new StatusView.Capacity(total, used, available);
    }

    long provisionedBytes() {
        return image.volumes().values().stream()
                .filter(v -> v.state() != Volume.State.DELETING)
                .mapToLong(Volume::sizeBytes)
                .sum();
    }

    private static <T> List<T> sorted(Collection<T> values, Comparator<T> order) {
        return values.stream().sorted(order).toList();
    }
}
