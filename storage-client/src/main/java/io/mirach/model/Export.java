package io.mirach.model;

import java.util.Objects;

/**
 * The order that a gateway offers a volume over NBD ({@code mirach attach}); the gateway follows
 * it.
 */
public record Export(VolumeId volume, String gateway, Attachment.Mode mode) {
    public Export {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(gateway, "gateway");
        Objects.requireNonNull(mode, "mode");
    }
}
