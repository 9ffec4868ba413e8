package io.mirach.server.placement;

import io.mirach.model.Attachment;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
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

    /** Log the admission in every placement group, then that the attachment is live. */
    record Admit(Volume volume, Attachment attachment) implements Step {
        @Override
        public String key() {
            return "admit " + volume.id() + " " + attachment.epoch();
        }
    }

    /** Log the empty admission in every placement group, then that the attachment is gone. */
    record Evict(Volume volume, Attachment attachment) implements Step {
        @Override
        public String key() {
            return "evict " + volume.id() + " " + attachment.epoch();
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
}
