package io.mirach.model;

import java.util.Objects;

/**
 * The order that a gateway offers a volume over NBD ({@code mirach attach}); the gateway follows
 * it.
 *
 * @param order grows with every order: one that is given again is another one
 */
public record Export(VolumeId volume, String gateway, Attachment.Mode mode, long order) {
    public Export {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(gateway, "gateway");
        Objects.requireNonNull(mode, "mode");
    }
}
