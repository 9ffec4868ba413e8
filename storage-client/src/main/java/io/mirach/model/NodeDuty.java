package io.mirach.model;

import java.util.Objects;

/**
 * What the cluster asks of a node.
 *
 * @param maintenanceUntilMs wall clock: until then it may be away without being replaced; 0: no
 *     maintenance
 */
public record NodeDuty(State state, long maintenanceUntilMs) {
    /** Where a node is in its life. */
    public enum State {
        /** In the map, and not yet heard under the identity that was given to it. */
        JOINING,
        IN_SERVICE,
        /** It is being emptied, and takes no replica. */
        DRAINING
    }

    /** Takes its full share. */
    public static final NodeDuty FULL = new NodeDuty(State.IN_SERVICE, 0);

    public NodeDuty {
        Objects.requireNonNull(state, "state");
    }

    public NodeDuty with(State next) {
        return new NodeDuty(next, maintenanceUntilMs);
    }

    /** 0 ends the maintenance. */
    public NodeDuty inMaintenanceUntil(long ms) {
        return new NodeDuty(state, ms);
    }

    public boolean inMaintenance(long nowMs) {
        return nowMs < maintenanceUntilMs;
    }

    /** Whether it may be given replicas and leaders. */
    public boolean takesReplicas(long nowMs) {
        return state == State.IN_SERVICE && !inMaintenance(nowMs);
    }
}
