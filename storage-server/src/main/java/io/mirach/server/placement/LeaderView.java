package io.mirach.server.placement;

import java.util.Set;
import java.util.UUID;

/**
 * What is seen of a group's leader.
 *
 * @param caughtUp the followers that have nearly all of its log
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
     * @param lost those, members or not, whose node found its replica damaged and has set it aside
     * @param up those, members or not, whose node is heard
     */
    public record Members(Set<UUID> voters, Set<UUID> learners, Set<UUID> lost, Set<UUID> up) {
        public Members {
            voters = Set.copyOf(voters);
            learners = Set.copyOf(learners);
            lost = Set.copyOf(lost);
            up = Set.copyOf(up);
        }
    }
}
