package io.mirach.admin;

import io.mirach.model.Attachment;
import java.util.Objects;
import java.util.Optional;

/**
 * Orders a gateway to attach a volume and to offer it.
 *
 * @param gateway its name; may be left out if there is only one
 * @param mode READ_WRITE if left out
 * @param force take the volume from whoever is in the way, at once; may be left out
 * @param migrationWindowMs let the present holder go on for so long beside it, for a live
 *     migration; may be left out
 */
public record ExportRequest(
        Optional<String> gateway,
        Attachment.Mode mode,
        Boolean force,
        Optional<Long> migrationWindowMs) {
    public ExportRequest {
        Objects.requireNonNull(gateway, "gateway");
        mode = Objects.requireNonNullElse(mode, Attachment.Mode.READ_WRITE);
        force = Objects.requireNonNullElse(force, false);
        migrationWindowMs = Objects.requireNonNullElse(migrationWindowMs, Optional.empty());
    }

    /** Refused if others are in the way. */
    public ExportRequest(Optional<String> gateway, Attachment.Mode mode) {
        this(gateway, mode, false, Optional.empty());
    }
}
