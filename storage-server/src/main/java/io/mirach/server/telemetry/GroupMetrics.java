package io.mirach.server.telemetry;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.NodeHeartbeat;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.ToDoubleFunction;

/** Metrics of a node's replicas and data dirs. Any thread. */
public final class GroupMetrics {
    private GroupMetrics() {}

    /** In Prometheus's text format. */
    public static String text(
            List<NodeHeartbeat.ReplicaReport> replicas,
            ClusterImage image,
            List<NodeHeartbeat.DirUsage> dirs) {
        PrometheusText out = new PrometheusText();
        Map<UUID, String> names = names(image);
        out.family("mirach_map_version", "gauge", "Version of the cluster map known here.");
        out.sample("mirach_map_version", Map.of(), image.version());
        gauge(
                out,
                "mirach_replica_leads",
                "1 on the leader.",
                replicas,
                names,
                GroupMetrics::leads);
        gauge(out, "mirach_replica_term", "Raft term.", replicas, names, ReplicaStatus::term);
        gauge(
                out,
                "mirach_replica_applied_index",
                "The newest index applied.",
                replicas,
                names,
                status -> status.applied().index());
        gauge(
                out,
                "mirach_replica_durable_index",
                "The newest index whose effects are on disk.",
                replicas,
                names,
                status -> status.durable().index());
        gauge(
                out,
                "mirach_replica_commit_index",
                "The newest index known to be committed.",
                replicas,
                names,
                ReplicaStatus::commitIndex);
        gauge(
                out,
                "mirach_replica_log_bytes",
                "Bytes that the log takes on disk.",
                replicas,
                names,
                ReplicaStatus::logBytes);
        room(out, dirs);
        return out.toString();
    }

    private static double leads(ReplicaStatus status) {
        return status.role() == ReplicaStatus.Role.LEADER ? 1 : 0;
    }

    private static Map<UUID, String> names(ClusterImage image) {
        Map<UUID, String> names = new HashMap<>();
        names.put(image.metaGroupId(), "meta");
        for (PlacementGroup group : image.placementGroups().values()) {
            names.put(group.raftGroupId(), group.id().toString());
        }
        return names;
    }

    private static void gauge(
            PrometheusText out,
            String name,
            String help,
            List<NodeHeartbeat.ReplicaReport> replicas,
            Map<UUID, String> names,
            ToDoubleFunction<ReplicaStatus> value) {
        out.family(name, "gauge", help);
        for (NodeHeartbeat.ReplicaReport replica : replicas) {
            UUID group = replica.status().groupId();
            out.sample(
                    name,
                    Map.of("group", names.getOrDefault(group, group.toString())),
                    value.applyAsDouble(replica.status()));
        }
    }

    private static void room(PrometheusText out, List<NodeHeartbeat.DirUsage> dirs) {
        out.family("mirach_dir_capacity_bytes", "gauge", "Size of a data dir's file system.");
        dirs.forEach(d -> out.sample("mirach_dir_capacity_bytes", label(d), d.capacityBytes()));
        out.family("mirach_dir_available_bytes", "gauge", "Free on a data dir's file system.");
        dirs.forEach(d -> out.sample("mirach_dir_available_bytes", label(d), d.availableBytes()));
        out.family("mirach_dir_used_bytes", "gauge", "Taken by Mirach's own files.");
        dirs.forEach(d -> out.sample("mirach_dir_used_bytes", label(d), d.usedBytes()));
    }

    private static Map<String, String> label(NodeHeartbeat.DirUsage dir) {
        return Map.of("dir", dir.path());
    }
}
