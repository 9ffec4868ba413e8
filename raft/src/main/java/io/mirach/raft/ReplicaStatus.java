package io.mirach.raft;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * One replica's view of its group.
 *
 * @param groupId the group
 * @param role LEADER, FOLLOWER, CANDIDATE, LISTENER, CLOSED or LOST
 * @param term the current term
 * @param leader the leader, if known
 * @param applied the newest applied position
 * @param durable the newest position whose effects are on disk
 * @param commitIndex the newest index known to be committed
 * @param logStartIndex the oldest index still in the log
 * @param logBytes bytes that the log takes on disk
 * @param followers on a leader, how far each follower is; empty elsewhere
 * @param members who belongs to the group, as this replica knows it
 * @param configurationIndex of the log entry that says so; committed or not
 */
public record ReplicaStatus(
        UUID groupId,
        Role role,
        long term,
        Optional<UUID> leader,
        LogPosition applied,
        LogPosition durable,
        long commitIndex,
        long logStartIndex,
        long logBytes,
        List<Follower> followers,
        Members members,
        long configurationIndex) {
    // Longer without an answer, and it is not asked to lead.
    private static final long IN_CONTACT_MS = 1_000;

    /** A replica's role in its group. */
    public enum Role {
        LEADER,
        FOLLOWER,
        CANDIDATE,
        LISTENER,
        CLOSED,
        /** Set aside at the start; see {@link RaftHost#lostGroups}. */
        LOST
    }

    /** The status of a lost replica: nothing of it is known. */
    public static ReplicaStatus lost(UUID groupId) {
        return new ReplicaStatus(
                groupId,
                Role.LOST,
                0,
                Optional.empty(),
                LogPosition.NONE,
                LogPosition.NONE,
                -1,
                -1,
                0,
                List.of(),
                Members.NONE,
                -1);
    }

    /** On a leader, the follower that is furthest of those that may lead, and answer. */
    public Optional<UUID> successor() {
        return followers.stream()
                .filter(follower -> members.voters().contains(follower.peer()))
                .filter(follower -> !follower.needsBackfill())
                .filter(follower -> follower.lastContactMs() < IN_CONTACT_MS)
                .max(Comparator.comparingLong(Follower::matchIndex))
                .map(Follower::peer);
    }

    /**
     * A follower as its leader sees it.
     *
     * @param peer the follower
     * @param matchIndex the newest index known to be on its disk
     * @param lastContactMs milliseconds since it last answered
     * @param needsBackfill the log no longer holds what it lacks
     */
    public record Follower(UUID peer, long matchIndex, long lastContactMs, boolean needsBackfill) {}
}
