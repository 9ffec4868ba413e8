package io.mirach.admin;

import java.util.Objects;
import java.util.Optional;

/**
 * Ends a volume's attachment in the cluster. Refused with NOT_ATTACHED if there is none.
 *
 * @param force end it although its gateway lives; the gateway is fenced and its clients see errors.
 *     Without it, VOLUME_IN_USE while the gateway lives
 * @param gateway whose attachment; may be left out if there is only one
 */
public record DetachRequest(boolean force, Optional<String> gateway) {
    public DetachRequest {
        gateway = Objects.requireNonNullElse(gateway, Optional.empty());
    }

    /** Of the only gateway that holds it. */
    public DetachRequest(boolean force) {
        this(force, Optional.empty());
    }
}
