package io.mirach.model;

import java.util.Objects;
import java.util.UUID;

/**
 * The identity of one Raft group that holds blocks.
 *
 * @param raftGroupId the Raft group's UUID, drawn at creation
 * @param preferredLeader the data dir that should lead, so that leaders are spread
 */
public record PlacementGroup(
        PlacementGroupId id,
        UUID raftGroupId,
        ReplicaSet replicaSet,
        UUID preferredLeader,
        State state) {
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
    }

    public PlacementGroup with(ReplicaSet other) {
        return new PlacementGroup(id, raftGroupId, other, preferredLeader, state);
    }

    public PlacementGroup ledBy(UUID preferred) {
        return new PlacementGroup(id, raftGroupId, replicaSet, preferred, state);
    }

    public PlacementGroup in(State next) {
        return new PlacementGroup(id, raftGroupId, replicaSet, preferredLeader, next);
    }
}
