package io.mirach.raft;

import java.util.UUID;

/**
 * Hears of replicas that need entries which the leader's log no longer has: the log cannot bring
 * them up to date, so their state must be copied (backfill). Each is told about once a second for
 * as long as it lasts. Called by Raft's threads; must not block.
 */
public interface BackfillListener {
    /** Takes no notice. */
    BackfillListener NONE = new BackfillListener() {};

    /**
     * This replica needs what its leader's log no longer has.
     *
     * @param firstAvailable the oldest entry that the leader still has
     */
    default void replicaNeedsBackfill(UUID groupId, LogPosition firstAvailable) {}

    /** A follower of this leader needs what the log no longer has, and has answered so. */
    default void followerNeedsBackfill(UUID groupId, UUID follower) {}
}
