package io.mirach.server.cluster;

import io.mirach.model.PlacementGroupId;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

/** What the meta leader's reconciler tells a node to do with a replica that the node holds. */
public final class ReplicaOrder {
    private ReplicaOrder() {}

    /** A member's data dir and its Raft address. */
    public record Member(UUID dataDir, String raftAddress) {
        public Member {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftAddress, "raftAddress");
        }
    }

    /** CREATE_REPLICA: create the receiver's replica of a new group. Idempotent. */
    public record Create(
            UUID dataDir, PlacementGroupId group, UUID raftGroupId, List<Member> members) {
        public Create {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(group, "group");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
            members = List.copyOf(members);
        }
    }

    /** REMOVE_REPLICA: stop serving a group and delete what is kept of it. Idempotent. */
    public record Remove(UUID dataDir, PlacementGroupId group, UUID raftGroupId) {
        public Remove {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(group, "group");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
        }
    }

    /** TRANSFER_LEADERSHIP: hand leadership of a group that the receiver leads to a follower. */
    public record Transfer(UUID dataDir, UUID raftGroupId, UUID to) {
        public Transfer {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
            Objects.requireNonNull(to, "to");
        }
    }
}
