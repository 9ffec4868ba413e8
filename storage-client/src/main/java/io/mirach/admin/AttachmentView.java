package io.mirach.admin;

import io.mirach.model.Attachment;
import java.util.List;
import java.util.Objects;

/**
 * Who holds a volume.
 *
 * @param gateway the holder, by its name
 * @param host the holder's host name
 * @param grantedAtMs wall clock, milliseconds since 1970
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
        List<String> nbdUris) {
    public AttachmentView {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(gateway, "gateway");
        host = Objects.requireNonNullElse(host, "");
        Objects.requireNonNull(state, "state");
        nbdUris = List.copyOf(nbdUris);
    }
}
