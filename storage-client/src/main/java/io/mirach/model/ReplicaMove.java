package io.mirach.model;

import java.util.Objects;

/**
 * A replica on its way to another data dir: a new one follows there without a vote, is brought up,
 * and takes over the vote of the old one in one change of the group's members.
 */
public record ReplicaMove(Replica from, Replica to, Reason reason) {
    /** Why it is moved. */
    public enum Reason {
        /** Its node is being emptied. */
        DRAIN,
        /** Its node stays away. */
        AWAY,
        /** Its data dir belongs to no node any more. */
        GONE,
        /** For even load, or to spread the group over more failure domains. */
        REBALANCE
    }

    public ReplicaMove {
        Objects.requireNonNull(from, "from");
        Objects.requireNonNull(to, "to");
        Objects.requireNonNull(reason, "reason");
    }
}
