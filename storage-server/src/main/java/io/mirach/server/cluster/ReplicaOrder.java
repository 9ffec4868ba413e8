package io.mirach.server.cluster;

import io.mirach.model.PlacementGroupId;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
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

    /**
     * REMOVE_REPLICA: stop serving a group and delete what is kept of it. Idempotent. CONFLICT if
     * the receiver's replica was made anew later than that.
     *
     * @param group empty for the meta group
     * @param configuration the index of a committed configuration without the receiver
     */
    public record Remove(
            UUID dataDir, Optional<PlacementGroupId> group, UUID raftGroupId, long configuration) {
        public Remove {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(group, "group");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
        }
    }

    /**
     * SUCCEED_REPLICA: set the receiver's replica of a Raft group that lost its majority for good
     * aside, and go on from what it has as the only member of another one. Idempotent. CONFLICT if
     * that replica is lost, or not there.
     *
     * @param replaced the Raft group that the placement group was
     * @param raftGroupId the one that it is now
     */
    public record Succeed(PlacementGroupId group, UUID replaced, UUID raftGroupId, Member self) {
        public Succeed {
            Objects.requireNonNull(group, "group");
            Objects.requireNonNull(replaced, "replaced");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
            Objects.requireNonNull(self, "self");
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

    /**
     * CHANGE_MEMBERS: change the members of a group that the receiver leads. Answered with {@link
     * MembersChanged}. Idempotent.
     *
     * @param dataDir the receiver's, which leads
     */
    public record ChangeMembers(
            UUID dataDir,
            UUID raftGroupId,
            Set<UUID> expectedVoters,
            List<Member> voters,
            List<Member> learners) {
        public ChangeMembers {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
            expectedVoters = Set.copyOf(expectedVoters);
            voters = List.copyOf(voters);
            learners = List.copyOf(learners);
        }
    }

    /** What {@link CreateLearner} needs of the change that took its data dir out of the group. */
    public record MembersChanged(long term, long index) {}

    /**
     * CREATE_LEARNER: create the receiver's replica of a group that others have, to follow without
     * a vote. Idempotent.
     *
     * @param voters the receiver is not among them
     * @param without the change since which it is not
     */
    public record CreateLearner(
            UUID dataDir,
            Optional<PlacementGroupId> group,
            UUID raftGroupId,
            List<Member> voters,
            Member self,
            MembersChanged without) {
        public CreateLearner {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(group, "group");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
            voters = List.copyOf(voters);
            Objects.requireNonNull(self, "self");
            Objects.requireNonNull(without, "without");
        }
    }
}
