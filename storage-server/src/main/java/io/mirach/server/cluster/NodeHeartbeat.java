package io.mirach.server.cluster;

import io.mirach.model.StorageNode;
import io.mirach.raft.ReplicaStatus;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

/** What a node tells the meta leader every second. Answered with {@link HeartbeatReply}. */
public record NodeHeartbeat(StorageNode node, List<DirUsage> dirs, List<ReplicaReport> replicas) {
    public NodeHeartbeat {
        Objects.requireNonNull(node, "node");
        dirs = List.copyOf(dirs);
        replicas = List.copyOf(replicas);
    }

    /**
     * Room in a data dir.
     *
     * @param capacityBytes of its file system
     * @param usedBytes taken by Mirach's own files
     * @param availableBytes free on its file system
     */
    public record DirUsage(
            UUID dataDir, String path, long capacityBytes, long usedBytes, long availableBytes) {
        public DirUsage {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(path, "path");
        }
    }

    /** A replica that a data dir holds. */
    public record ReplicaReport(UUID dataDir, ReplicaStatus status) {
        public ReplicaReport {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(status, "status");
        }
    }
}
