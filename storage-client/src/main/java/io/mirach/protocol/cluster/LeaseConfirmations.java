package io.mirach.protocol.cluster;

import java.util.Set;
import java.util.UUID;

/**
 * Answers {@link LeaseClaims}.
 *
 * @param groups that were confirmed
 * @param roomIsLow whether the data dir that was asked is short of room, so that nothing should be
 *     written in any of its groups
 */
public record LeaseConfirmations(Set<UUID> groups, boolean roomIsLow) {
    public LeaseConfirmations {
        groups = Set.copyOf(groups);
    }
}
