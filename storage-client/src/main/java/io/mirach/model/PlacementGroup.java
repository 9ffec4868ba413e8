package io.mirach.model;

import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * The identity of one Raft group that holds blocks.
 *
 * @param raftGroupId the Raft group's UUID, drawn at creation, and anew when the group is recovered
 * @param preferredLeader the data dir that should lead, so that leaders are spread
 * @param scrub when its replicas were last proven to be well
 * @param recovery the last time that it was recovered with possible loss
 */
public record PlacementGroup(
        PlacementGroupId id,
        UUID raftGroupId,
        ReplicaSet replicaSet,
        UUID preferredLeader,
        State state,
        ScrubTimes scrub,
        Optional<GroupRecovery> recovery) {
    /** Where a placement group is in its life. */
    public enum State {
        /** Logged, not yet created on every member. */
        CREATING,
        ACTIVE,
        /** Logged as recovered from one replica, which has not taken over yet: nobody serves it. */
        RECOVERING
    }

    public PlacementGroup {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(raftGroupId, "raftGroupId");
        Objects.requireNonNull(replicaSet, "replicaSet");
        Objects.requireNonNull(preferredLeader, "preferredLeader");
        Objects.requireNonNull(state, "state");
        // Written before there were scrubs.
        scrub = Objects.requireNonNullElse(scrub, ScrubTimes.NEVER);
        recovery = Objects.requireNonNullElse(recovery, Optional.empty());
    }

    /** One that was never scrubbed, nor recovered. */
    public PlacementGroup(
            PlacementGroupId id,
            UUID raftGroupId,
            ReplicaSet replicaSet,
            UUID preferredLeader,
            State state) {
        this(
                id,
                raftGroupId,
                replicaSet,
                preferredLeader,
                state,
                ScrubTimes.NEVER,
                Optional.empty());
    }

    public PlacementGroup with(ReplicaSet other) {
        return new PlacementGroup(id, raftGroupId, other, preferredLeader, state, scrub, recovery);
    }

    public PlacementGroup ledBy(UUID preferred) {
        return new PlacementGroup(id, raftGroupId, replicaSet, preferred, state, scrub, recovery);
    }

    public PlacementGroup in(State next) {
        return new PlacementGroup(
                id, raftGroupId, replicaSet, preferredLeader, next, scrub, recovery);
    }

    public PlacementGroup with(ScrubTimes times) {
        return new PlacementGroup(
                id, raftGroupId, replicaSet, preferredLeader, state, times, recovery);
    }

    public PlacementGroup with(GroupRecovery changed) {
        return new PlacementGroup(
                id, raftGroupId, replicaSet, preferredLeader, state, scrub, Optional.of(changed));
    }

    /** Goes on as another Raft group, which its survivor leads, once it has taken over. */
    public PlacementGroup recovering(UUID newRaftGroupId, ReplicaSet set, GroupRecovery from) {
        return new PlacementGroup(
                id,
                newRaftGroupId,
                set,
                from.survivor().dataDir(),
                State.RECOVERING,
                // What was proven of it was proven of another state.
                ScrubTimes.NEVER,
                Optional.of(from));
    }

    /** The Raft group that has its blocks: until a survivor has taken over, the one before. */
    public UUID holdingRaftGroup() {
        return recovery.filter(r -> state == State.RECOVERING)
                .map(GroupRecovery::source)
                .orElse(raftGroupId);
    }
}
