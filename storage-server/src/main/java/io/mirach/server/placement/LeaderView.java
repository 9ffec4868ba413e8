package io.mirach.server.placement;

import java.util.Set;
import java.util.UUID;

/**
 * What is seen of a group's leader.
 *
 * @param caughtUp the followers that have nearly all of its log, and nothing damaged
 * @param stableMs for how long it has led, and nobody has tried to move it
 * @param members who belongs to the group
 */
public record LeaderView(UUID leader, Set<UUID> caughtUp, long stableMs, Members members) {
    public LeaderView {
        caughtUp = Set.copyOf(caughtUp);
    }

    /**
     * Who belongs to the group, as its leader knows it.
     *
     * @param voters those whose copies count; empty if they are not known
     * @param learners those who only follow
     * @param lost those, members or not, whose node found its replica damaged and has set it aside;
     *     and learners whose node has none
     * @param spoiled those, members or not, whose replica is beyond repair, or does not hold what
     *     the others hold: it is to be discarded and made anew
     * @param up those, members or not, whose node is heard
     * @param configuration the index of the committed configuration that says so
     */
    public record Members(
            Set<UUID> voters,
            Set<UUID> learners,
            Set<UUID> lost,
            Set<UUID> spoiled,
            Set<UUID> up,
            long configuration) {
        public Members {
            voters = Set.copyOf(voters);
            learners = Set.copyOf(learners);
            lost = Set.copyOf(lost);
            spoiled = Set.copyOf(spoiled);
            up = Set.copyOf(up);
        }

        /** Whether a data dir belongs to the group, with a vote or without. */
        public boolean include(UUID dataDir) {
            return voters.contains(dataDir) || learners.contains(dataDir);
        }

        /** Whether a data dir's node is heard, and its replica, if it has one, can be used. */
        boolean isSound(UUID dataDir) {
            return up.contains(dataDir) && !lost.contains(dataDir) && !spoiled.contains(dataDir);
        }
    }

    /** Whether a member has nearly all that there is. */
    public boolean isCurrent(UUID dataDir) {
        return dataDir.equals(leader) || caughtUp.contains(dataDir);
    }
}
