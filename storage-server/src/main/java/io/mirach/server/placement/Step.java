package io.mirach.server.placement;

import io.mirach.model.ClusterImage;
import io.mirach.model.Migration;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaMove;
import io.mirach.model.Sealing;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import java.util.Optional;
import java.util.UUID;

/**
 * Something to be done so that the cluster becomes what its map says. Every step may be done again:
 * a new meta leader begins with those that the map still asks for.
 */
public sealed interface Step {
    /** What is done, in few words; equal for the same step. */
    String key();

    /** Equal for steps of which only one may be under way. */
    default String subject() {
        return key();
    }

    /** Create every member's replica, then log that the group is active. */
    record CreateGroup(PlacementGroup group) implements Step {
        @Override
        public String key() {
            return "create " + group.id();
        }
    }

    /** Make every placement group of a volume know it, then log that it is available. */
    record OpenVolume(Volume volume) implements Step {
        @Override
        public String key() {
            return "open " + volume.id();
        }

        @Override
        public String subject() {
            return volume.id().toString();
        }
    }

    /**
     * Make every placement group of a volume forget it, then log that it is gone. Not while the
     * volume is being opened: that order, coming last, would bring it back.
     */
    record DropVolume(Volume volume) implements Step {
        @Override
        public String key() {
            return "drop " + volume.id();
        }

        @Override
        public String subject() {
            return volume.id().toString();
        }
    }

    /**
     * Log which epochs are admitted in every placement group, then that they are. Does not wait for
     * an earlier set that is still on its way: that one no longer counts anywhere.
     */
    record Admit(Volume volume, VolumeAccess access) implements Step {
        @Override
        public String key() {
            return "admit " + volume.id() + " version " + access.admissionVersion();
        }
    }

    /** Make every placement group of a volume seal its head, then log that they did. */
    record SealHead(Volume volume, Sealing sealing) implements Step {
        @Override
        public String key() {
            return "seal " + sealing.sealed() + " of " + volume.id();
        }
    }

    /** Log that a snapshot was not taken in time. */
    record AbortSnapshot(Volume volume, Sealing sealing) implements Step {
        @Override
        public String key() {
            return "give up the snapshot of " + sealing.sealed() + " of " + volume.id();
        }
    }

    /** Log that the window of a migration is over. */
    record EndMigration(VolumeAccess access, Migration migration) implements Step {
        @Override
        public String key() {
            return "end migration " + migration.id() + " of " + access.volume();
        }
    }

    /** A Raft group: a placement group, or the meta group. */
    record Group(String name, UUID raftGroupId, Optional<PlacementGroupId> placementGroup) {
        static Group of(PlacementGroup group) {
            return new Group(group.id().toString(), group.raftGroupId(), Optional.of(group.id()));
        }

        static Group meta(ClusterImage image) {
            return new Group("the meta group", image.metaGroupId(), Optional.empty());
        }
    }

    /** Hand leadership over. */
    record MoveLeader(Group group, UUID from, UUID to) implements Step {
        @Override
        public String key() {
            return "lead " + group.name();
        }
    }

    /** Log who should lead. */
    record PreferLeader(PlacementGroupId group, UUID dataDir) implements Step {
        @Override
        public String key() {
            return "prefer " + dataDir + " as leader of " + group;
        }
    }

    /** What changes a group's members, or its replica set: one at a time. */
    sealed interface OfMembers extends Step {
        Group group();

        @Override
        default String subject() {
            return "members of " + group().name();
        }
    }

    /**
     * Make a replica, new or anew: the group goes on without it first, so that what it may have
     * forgotten counts no more; what it has is discarded if that is spoiled; then it follows
     * without a vote.
     */
    record RebuildReplica(Group group, UUID leader, UUID dataDir, LeaderView.Members members)
            implements OfMembers {
        @Override
        public String key() {
            return "rebuild " + group.name() + " in " + dataDir;
        }
    }

    /**
     * Give a replica that has caught up its vote, once it is proven to hold what the leader holds.
     *
     * @param insteadOf the one whose vote it takes over
     */
    record PromoteReplica(
            Group group,
            UUID leader,
            UUID dataDir,
            LeaderView.Members members,
            Optional<UUID> insteadOf)
            implements OfMembers {
        @Override
        public String key() {
            return "promote " + group.name() + " in " + dataDir;
        }
    }

    /** Go on without a member that the map does not know as one. */
    record DismissReplica(Group group, UUID leader, UUID dataDir, LeaderView.Members members)
            implements OfMembers {
        @Override
        public String key() {
            return "dismiss " + group.name() + " in " + dataDir;
        }
    }

    /** Log that a replica begins to move. */
    record MoveReplica(Group group, long version, ReplicaMove move) implements OfMembers {
        @Override
        public String key() {
            return "move " + group.name() + " from " + name(move.from()) + " to " + name(move.to());
        }

        private static String name(Replica replica) {
            return replica.node() + " (" + replica.dataDir() + ")";
        }
    }

    /** Log that the move under way is done. */
    record FinishMove(Group group, long version) implements OfMembers {
        @Override
        public String key() {
            return "finish the move of " + group.name();
        }
    }

    /**
     * Go on without the learner that a move has made, if it has, then log that the move is given
     * up.
     */
    record CancelMove(
            Group group, UUID leader, UUID dataDir, LeaderView.Members members, long version)
            implements OfMembers {
        @Override
        public String key() {
            return "give up the move of " + group.name() + " to " + dataDir;
        }
    }

    /**
     * Delete a replica that is no member any more.
     *
     * @param configuration a committed configuration of the group without it
     */
    record RemoveReplica(Group group, UUID dataDir, long configuration) implements OfMembers {
        @Override
        public String key() {
            return "remove " + group.name() + " from " + dataDir;
        }
    }

    /** Have the survivor of a group that is recovered take over, then log that it has. */
    record RecoverGroup(PlacementGroup group) implements Step {
        @Override
        public String key() {
            return "recover " + group.id() + " as " + group.raftGroupId();
        }
    }

    /** Log that a node which was to join is there. */
    record AdmitNode(StorageNode node) implements Step {
        @Override
        public String key() {
            return "admit node " + node.name();
        }
    }
}
