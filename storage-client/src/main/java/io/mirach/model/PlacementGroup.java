package io.mirach.model;

import java.util.Objects;
import java.util.UUID;

/**
 * The identity of one Raft group that holds blocks.
 *
 * @param raftGroupId the Raft group's UUID, drawn at creation
 * @param preferredLeader the data dir that should lead, so that leaders are spread
 * @param scrub when its replicas were last proven to be well
 */
public record PlacementGroup(
        PlacementGroupId id,
        UUID raftGroupId,
        ReplicaSet replicaSet,
        UUID preferredLeader,
        State state,
        ScrubTimes scrub) {
    /** Where a placement group is in its life. */
    public enum State {
        /** Logged, not yet created on every member. */
        CREATING,
        ACTIVE
    }

    public PlacementGroup {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(raftGroupId, "raftGroupId");
        Objects.requireNonNull(replicaSet, "replicaSet");
        Objects.requireNonNull(preferredLeader, "preferredLeader");
        Objects.requireNonNull(state, "state");
        // Written before there were scrubs.
        scrub = Objects.requireNonNullElse(scrub, ScrubTimes.NEVER);
    }

    /** One that was never scrubbed. */
    public PlacementGroup(
            PlacementGroupId id,
            UUID raftGroupId,
            ReplicaSet replicaSet,
            UUID preferredLeader,
            State state) {
        this(id, raftGroupId, replicaSet, preferredLeader, state, ScrubTimes.NEVER);
    }

    public PlacementGroup with(ReplicaSet other) {
        return new PlacementGroup(id, raftGroupId, other, preferredLeader, state, scrub);
    }

    public PlacementGroup ledBy(UUID preferred) {
        return new PlacementGroup(id, raftGroupId, replicaSet, preferred, state, scrub);
    }

    public PlacementGroup in(State next) {
        return new PlacementGroup(id, raftGroupId, replicaSet, preferredLeader, next, scrub);
    }

    public PlacementGroup with(ScrubTimes times) {
        return new PlacementGroup(id, raftGroupId, replicaSet, preferredLeader, state, times);
    }
}
