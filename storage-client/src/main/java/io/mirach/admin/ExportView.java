package io.mirach.admin;

import io.mirach.model.Attachment;
import java.util.List;
import java.util.Objects;

/**
 * The order that a gateway offers a volume.
 *
 * @param nbdUris where it is, or will be, served, with the export name
 */
public record ExportView(
        String volume, String gateway, Attachment.Mode mode, List<String> nbdUris) {
    public ExportView {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(gateway, "gateway");
        Objects.requireNonNull(mode, "mode");
        nbdUris = List.copyOf(nbdUris);
    }
}
