package io.mirach.admin;

import io.mirach.model.NodeDuty;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the cluster shall ask of a node; what is left out stays.
 *
 * @param state IN_SERVICE or DRAINING
 * @param maintenanceMs for so long from now on it may be away; 0 ends it
 */
public record NodeDutyRequest(Optional<NodeDuty.State> state, OptionalLong maintenanceMs) {
    public NodeDutyRequest {
        Objects.requireNonNull(state, "state");
        Objects.requireNonNull(maintenanceMs, "maintenanceMs");
        if (state.filter(NodeDuty.State.JOINING::equals).isPresent()) {
            throw new IllegalArgumentException("state: IN_SERVICE or DRAINING");
        }
        if (maintenanceMs.orElse(0) < 0) {
            throw new IllegalArgumentException("maintenanceMs: not negative");
        }
    }
}
