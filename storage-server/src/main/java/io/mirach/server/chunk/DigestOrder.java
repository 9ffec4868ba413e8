package io.mirach.server.chunk;

import java.util.List;
import java.util.UUID;

/**
 * Replicas are to hash what they hold.
 *
 * @param only the data dirs that are to, at the pace of a backfill; empty: all of them, at the pace
 *     of a scrub
 */
public record DigestOrder(long id, List<UUID> only) {
    public DigestOrder {
        only = List.copyOf(only);
    }

    /** Whether the replica in a data dir is meant. */
    public boolean concerns(UUID dataDir) {
        return only.isEmpty() || only.contains(dataDir);
    }

    /** Whether something waits for it. */
    public boolean urgent() {
        return !only.isEmpty();
    }
}
