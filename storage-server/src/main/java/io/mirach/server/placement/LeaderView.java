package io.mirach.server.placement;

import java.util.Set;
import java.util.UUID;

/**
 * What is seen of a placement group's leader.
 *
 * @param caughtUp the followers that have nearly all of its log
 * @param stableMs for how long it has led, and nobody has tried to move it
 */
public record LeaderView(UUID leader, Set<UUID> caughtUp, long stableMs) {
    public LeaderView {
        caughtUp = Set.copyOf(caughtUp);
    }
}
