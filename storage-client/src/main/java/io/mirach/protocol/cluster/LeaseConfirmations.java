package io.mirach.protocol.cluster;

import java.util.Set;
import java.util.UUID;

/** Answers {@link LeaseClaims}: the groups that were confirmed. */
public record LeaseConfirmations(Set<UUID> groups) {
    public LeaseConfirmations {
        groups = Set.copyOf(groups);
    }
}
