package io.mirach.raft;

import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * The read leases of one data dir's groups. A lease belongs to (group, term). Every ~100 ms, and
 * when a read finds no lease, the leader sends each peer one message naming the groups it leads
 * with their terms; a peer that is a voter of the group and still has that term confirms. With
 * confirmations of a majority (itself included) the lease holds until send time plus the lease
 * time, on the monotonic clock. A new leader waits the lease time out before it answers.
 * Thread-safe.
 */
public interface ReadLease {
    /** A claim to lead. */
    record Claim(UUID groupId, long term) {}

    /**
     * How claims reach other data dirs; the server gives it. Never blocks. Failing is the same as
     * no answer.
     */
    interface Channel {
        /**
         * Sends the claims of {@code from} to {@code to}; completes with the groups that {@code to}
         * confirms.
         */
        CompletableFuture<Set<UUID>> ask(UUID from, UUID to, List<Claim> claims);
    }

    /**
     * Answers a peer's question: the groups among {@code claims} of which this dir is a voter still
     * in that term.
     */
    Set<UUID> confirm(UUID from, List<Claim> claims);
}
