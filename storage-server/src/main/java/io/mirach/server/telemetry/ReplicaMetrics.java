package io.mirach.server.telemetry;

import io.mirach.model.Block;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.store.Room;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/** Metrics of a node's replicas and data dirs, of one moment each. Thread-safe. */
public final class ReplicaMetrics implements MultiCollector {
    /** What there is to show. */
    public record Observed(
            List<NodeHeartbeat.ReplicaReport> replicas,
            ClusterImage image,
            List<NodeHeartbeat.DirUsage> dirs,
            List<NodeHeartbeat.Backfill> backfills) {}

    private volatile Optional<Supplier<Observed>> source = Optional.empty();

    ReplicaMetrics() {}

    void showFrom(Supplier<Observed> newSource) {
        source = Optional.of(newSource);
    }

    @Override
    public MetricSnapshots collect() {
        return source.map(observed -> snapshots(observed.get())).orElseGet(MetricSnapshots::new);
    }

    private static MetricSnapshots snapshots(Observed seen) {
        return MetricSnapshots.builder()
                .metricSnapshot(mapVersion(seen.image()))
                .metricSnapshot(scrubbed(seen.image()))
                .metricSnapshot(
                        replicas(
                                "mirach_replica_leads",
                                "1 on the leader of the group, 0 on its other replicas.",
                                seen,
                                r -> r.role() == ReplicaStatus.Role.LEADER ? 1 : 0))
                .metricSnapshot(
                        replicas(
                                "mirach_replica_lost",
                                "1 if the replica was found damaged and is set aside, else 0.",
                                seen,
                                r -> r.role() == ReplicaStatus.Role.LOST ? 1 : 0))
                .metricSnapshot(
                        reports(
                                "mirach_replica_damaged_blocks",
                                "Blocks that are not intact and not repaired yet.",
                                seen,
                                r -> r.damage().weight()))
                .metricSnapshot(
                        reports(
                                "mirach_replica_repaired_blocks",
                                "Blocks repaired from another replica since the node started.",
                                seen,
                                r -> r.damage().repaired()))
                .metricSnapshot(
                        replicas("mirach_replica_term", "Raft term.", seen, ReplicaStatus::term))
                .metricSnapshot(
                        replicas(
                                "mirach_replica_applied_index",
                                "The newest index applied.",
                                seen,
                                r -> r.applied().index()))
                .metricSnapshot(
                        replicas(
                                "mirach_replica_durable_index",
                                "The newest index whose effects are on disk.",
                                seen,
                                r -> r.durable().index()))
                .metricSnapshot(
                        replicas(
                                "mirach_replica_commit_index",
                                "The newest index known to be committed.",
                                seen,
                                ReplicaStatus::commitIndex))
                .metricSnapshot(
                        replicas(
                                "mirach_replica_log_bytes",
                                "Bytes that the Raft log takes on disk.",
                                seen,
                                ReplicaStatus::logBytes))
                .metricSnapshot(
                        backfills(
                                "mirach_backfill_left_bytes",
                                "What is still to be copied to bring the replica up.",
                                seen,
                                b -> (b.totalBlocks() - b.doneBlocks()) * Block.BYTES))
                .metricSnapshot(
                        backfills(
                                "mirach_backfill_bytes_per_second",
                                "How fast the replica is brought up.",
                                seen,
                                NodeHeartbeat.Backfill::bytesPerSecond))
                .metricSnapshot(
                        dirs(
                                "mirach_dir_capacity_bytes",
                                "Size of a data dir's file system.",
                                seen,
                                NodeHeartbeat.DirUsage::capacityBytes))
                .metricSnapshot(
                        dirs(
                                "mirach_dir_available_bytes",
                                "Free on a data dir's file system.",
                                seen,
                                NodeHeartbeat.DirUsage::availableBytes))
                .metricSnapshot(
                        dirs(
                                "mirach_dir_used_bytes",
                                "Taken by Mirach's own files in a data dir.",
                                seen,
                                NodeHeartbeat.DirUsage::usedBytes))
                .metricSnapshot(
                        dirs(
                                "mirach_dir_sync_milliseconds",
                                "How long an fsync of a Raft log takes of late; 0 if there was"
                                        + " none.",
                                seen,
                                NodeHeartbeat.DirUsage::syncMs))
                .metricSnapshot(
                        dirs(
                                "mirach_dir_room_is_low",
                                "1 while writes are refused for lack of room on a data dir's disk.",
                                seen,
                                dir -> dir.room() == Room.LOW ? 1 : 0))
                .build();
    }

    private static GaugeSnapshot mapVersion(ClusterImage image) {
        return GaugeSnapshot.builder()
                .name("mirach_map_version")
                .help("Version of the cluster map known here.")
                .dataPoint(point(image.version(), Labels.EMPTY))
                .build();
    }

    private static GaugeSnapshot scrubbed(ClusterImage image) {
        GaugeSnapshot.Builder gauge =
                GaugeSnapshot.builder()
                        .name("mirach_group_scrubbed_timestamp_seconds")
                        .help("When the last scrub that found the group well began; 0: never.");
        for (PlacementGroup group : image.placementGroups().values()) {
            gauge.dataPoint(
                    point(
                            group.scrub().scrubbedAtMs() / 1000,
                            Labels.of("group", group.id().toString())));
        }
        return gauge.build();
    }

    private static GaugeSnapshot replicas(
            String name, String help, Observed seen, ToLongFunction<ReplicaStatus> value) {
        return reports(name, help, seen, report -> value.applyAsLong(report.status()));
    }

    private static GaugeSnapshot reports(
            String name,
            String help,
            Observed seen,
            ToLongFunction<NodeHeartbeat.ReplicaReport> value) {
        Map<UUID, String> groups = groupNames(seen.image());
        GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
        for (NodeHeartbeat.ReplicaReport replica : seen.replicas()) {
            UUID group = replica.status().groupId();
            gauge.dataPoint(
                    point(
                            value.applyAsLong(replica),
                            Labels.of("group", groups.getOrDefault(group, group.toString()))));
        }
        return gauge.build();
    }

    /** Of every replica; 0 for those that are not being brought up. */
    private static GaugeSnapshot backfills(
            String name, String help, Observed seen, ToLongFunction<NodeHeartbeat.Backfill> value) {
        return replicas(
                name,
                help,
                seen,
                replica ->
                        seen.backfills().stream()
                                .filter(b -> b.raftGroupId().equals(replica.groupId()))
                                .mapToLong(value)
                                .sum());
    }

    private static Map<UUID, String> groupNames(ClusterImage image) {
        Map<UUID, String> names = new HashMap<>();
        names.put(image.metaGroupId(), "meta");
        for (PlacementGroup group : image.placementGroups().values()) {
            names.put(group.raftGroupId(), group.id().toString());
        }
        return names;
    }

    private static GaugeSnapshot dirs(
            String name, String help, Observed seen, ToLongFunction<NodeHeartbeat.DirUsage> value) {
        GaugeSnapshot.Builder gauge = GaugeSnapshot.builder().name(name).help(help);
        for (NodeHeartbeat.DirUsage dir : seen.dirs()) {
            gauge.dataPoint(point(value.applyAsLong(dir), Labels.of("dir", dir.path())));
        }
        return gauge.build();
    }

    private static GaugeDataPointSnapshot point(long value, Labels labels) {
        return GaugeDataPointSnapshot.builder().value((double) value).labels(labels).build();
    }
}
