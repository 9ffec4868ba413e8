package io.mirach.admin;

import java.util.Objects;
import java.util.Optional;

/**
 * An order to let a placement group without a majority go on from one replica.
 *
 * @param from the node that has it; empty: whichever is furthest of those that are heard
 * @param acceptDataLoss must be true: what only the others had is lost
 */
public record RecoverRequest(Optional<String> from, boolean acceptDataLoss) {
    public RecoverRequest {
        from = Objects.requireNonNullElse(from, Optional.empty());
    }
}
