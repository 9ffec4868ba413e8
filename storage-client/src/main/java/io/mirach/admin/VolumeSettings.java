package io.mirach.admin;

import io.mirach.model.IoLimitsChange;
import java.util.Objects;
import java.util.Optional;

/**
 * Settings of a volume to change; what is left out stays.
 *
 * @param strictReads see {@link io.mirach.model.Volume#strictReads}
 * @param limits see {@link io.mirach.model.Volume#limits}
 */
public record VolumeSettings(Optional<Boolean> strictReads, Optional<IoLimitsChange> limits) {
    public VolumeSettings {
        strictReads = Objects.requireNonNullElse(strictReads, Optional.empty());
        limits = Objects.requireNonNullElse(limits, Optional.empty());
    }
}
