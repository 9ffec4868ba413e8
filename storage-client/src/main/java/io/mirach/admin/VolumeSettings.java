package io.mirach.admin;

import java.util.Objects;
import java.util.Optional;

/**
 * Settings of a volume to change; what is left out stays.
 *
 * @param strictReads see {@link io.mirach.model.Volume#strictReads}
 */
public record VolumeSettings(Optional<Boolean> strictReads) {
    public VolumeSettings {
        strictReads = Objects.requireNonNullElse(strictReads, Optional.empty());
    }
}
