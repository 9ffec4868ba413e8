package io.mirach.server.cluster;

import io.mirach.model.StorageNode;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.store.Room;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/** What a node tells the meta leader every second. Answered with {@link HeartbeatReply}. */
public record NodeHeartbeat(
        StorageNode node,
        List<DirUsage> dirs,
        List<ReplicaReport> replicas,
        List<Backfill> backfills) {
    public NodeHeartbeat {
        Objects.requireNonNull(node, "node");
        dirs = List.copyOf(dirs);
        replicas = List.copyOf(replicas);
        backfills = List.copyOf(backfills);
    }

    /**
     * Room and speed of a data dir.
     *
     * @param capacityBytes of its file system
     * @param usedBytes taken by Mirach's own files
     * @param availableBytes free on its file system
     * @param room whether that is enough
     * @param syncMs how long an fsync of a Raft log takes of late; 0 if there was none, or it is
     *     less
     */
    public record DirUsage(
            UUID dataDir,
            String path,
            long capacityBytes,
            long usedBytes,
            long availableBytes,
            Room room,
            long syncMs) {
        public DirUsage {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(path, "path");
            Objects.requireNonNull(room, "room");
        }
    }

    /**
     * A replica that a data dir holds.
     *
     * @param lostBecause of a lost replica
     */
    public record ReplicaReport(
            UUID dataDir, ReplicaStatus status, Optional<String> lostBecause, Damage damage) {
        public ReplicaReport {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(status, "status");
            Objects.requireNonNull(lostBecause, "lostBecause");
            Objects.requireNonNull(damage, "damage");
        }

        /** A replica that is at work. */
        public static ReplicaReport of(UUID dataDir, ReplicaStatus status) {
            return new ReplicaReport(dataDir, status, Optional.empty(), Damage.NONE);
        }

        /** A replica that was set aside. */
        public static ReplicaReport lost(UUID dataDir, UUID groupId, String because) {
            return new ReplicaReport(
                    dataDir, ReplicaStatus.lost(groupId), Optional.of(because), Damage.NONE);
        }

        public ReplicaReport with(Damage newDamage) {
            return new ReplicaReport(dataDir, status, lostBecause, newDamage);
        }
    }

    /**
     * What is damaged in a replica.
     *
     * @param blocks not intact and not repaired yet, as far as they are known
     * @param repaired blocks repaired since the node started
     * @param beyondRepair why the replica is to be made anew
     */
    public record Damage(int blocks, long repaired, Optional<String> beyondRepair) {
        public static final Damage NONE = new Damage(0, 0, Optional.empty());

        public Damage {
            Objects.requireNonNull(beyondRepair, "beyondRepair");
        }

        /** The same, and to be made anew; the node's own reason counts. */
        public Damage beyondRepair(String why) {
            return new Damage(blocks, repaired, beyondRepair.or(() -> Optional.of(why)));
        }

        /** 0 only if all is well. */
        public int weight() {
            return blocks + (beyondRepair.isPresent() ? 1 : 0);
        }
    }

    /**
     * A replica that is being brought up from its leader's state.
     *
     * @param round which round is under way; 0 while it waits for its turn
     * @param doneBlocks of this round
     * @param totalBlocks of this round
     */
    public record Backfill(
            UUID dataDir,
            UUID raftGroupId,
            int round,
            long doneBlocks,
            long totalBlocks,
            long bytesPerSecond) {
        public Backfill {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
        }
    }
}
