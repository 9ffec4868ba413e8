package io.mirach.admin;

import io.mirach.model.Attachment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Who holds a volume.
 *
 * @param gateway the holder, by its name
 * @param host the holder's host name
 * @param grantedAtMs wall clock, milliseconds since 1970
 * @param ageMs since it was granted
 * @param expiresInMs until another may have the volume, unless the holder renews; 0 once it may
 * @param revokedBecause why it was taken from its holder; empty if it was not
 * @param migration the live migration that the holder takes part in
 * @param nbdUris where the volume is served, with its export name; empty if the gateway is not
 *     known
 */
public record AttachmentView(
        String volume,
        long epoch,
        Attachment.Mode mode,
        String gateway,
        String host,
        Attachment.State state,
        long grantedAtMs,
        long ageMs,
        long expiresInMs,
        String revokedBecause,
        Optional<MigrationView> migration,
        List<String> nbdUris) {
    /**
     * A live migration under way.
     *
     * @param from the gateway that is revoked at its end
     * @param leftMs until then
     */
    public record MigrationView(String from, String to, long leftMs) {}

    public AttachmentView {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(gateway, "gateway");
        host = Objects.requireNonNullElse(host, "");
        Objects.requireNonNull(state, "state");
        revokedBecause = Objects.requireNonNullElse(revokedBecause, "");
        Objects.requireNonNull(migration, "migration");
        nbdUris = List.copyOf(nbdUris);
    }
}
