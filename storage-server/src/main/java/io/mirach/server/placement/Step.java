package io.mirach.server.placement;

import io.mirach.model.Migration;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import java.util.Optional;
import java.util.Set;
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

    /** Log that the window of a migration is over. */
    record EndMigration(VolumeAccess access, Migration migration) implements Step {
        @Override
        public String key() {
            return "end migration " + migration.id() + " of " + access.volume();
        }
    }

    /** Hand leadership to the preferred leader. */
    record MoveLeader(PlacementGroupId group, UUID raftGroupId, UUID from, UUID to)
            implements Step {
        @Override
        public String key() {
            return "lead " + group;
        }
    }

    /** A Raft group whose members are to change: a placement group, or the meta group. */
    record Group(String name, UUID raftGroupId, Optional<PlacementGroupId> placementGroup) {
        static Group of(PlacementGroup group) {
            return new Group(group.id().toString(), group.raftGroupId(), Optional.of(group.id()));
        }
    }

    /**
     * Make a group's replica anew: the group goes on without it first, so that what it may have
     * forgotten counts no more, then it follows without a vote. Ends when it has caught up.
     */
    record RebuildReplica(Group group, UUID leader, UUID dataDir, Set<UUID> voters)
            implements Step {
        @Override
        public String key() {
            return "rebuild " + group.name() + " in " + dataDir;
        }

        @Override
        public String subject() {
            return "members of " + group.name();
        }
    }

    /** Give a replica that has caught up its vote. */
    record PromoteReplica(Group group, UUID leader, UUID dataDir, LeaderView.Members members)
            implements Step {
        @Override
        public String key() {
            return "promote " + group.name() + " in " + dataDir;
        }

        @Override
        public String subject() {
            return "members of " + group.name();
        }
    }
}
