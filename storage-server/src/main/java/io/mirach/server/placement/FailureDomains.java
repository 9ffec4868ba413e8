package io.mirach.server.placement;

import io.mirach.model.StorageNode;
import java.util.Collection;

/** How much nodes share with one another. Pure. */
final class FailureDomains {
    private FailureDomains() {}

    /**
     * What a node shares with others; a shared zone weighs more than any number of racks. What is
     * not known counts as shared: a node that does not say where it stands is no reason to move.
     */
    static int conflicts(StorageNode node, Collection<StorageNode> others) {
        int conflicts = 0;
        for (StorageNode other : others) {
            boolean sameZone = mayBeSame(node.zone(), other.zone());
            boolean sameRack = sameZone && mayBeSame(node.rack(), other.rack());
            conflicts += (sameZone ? 100 : 0) + (sameRack ? 1 : 0);
        }
        return conflicts;
    }

    private static boolean mayBeSame(String one, String other) {
        return one.isEmpty() || other.isEmpty() || one.equals(other);
    }
}
