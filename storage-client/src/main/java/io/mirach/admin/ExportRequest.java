package io.mirach.admin;

import io.mirach.model.Attachment;
import java.util.Objects;
import java.util.Optional;

/**
 * Orders a gateway to attach a volume and to offer it.
 *
 * @param gateway its name; may be left out if there is only one
 */
public record ExportRequest(Optional<String> gateway, Attachment.Mode mode) {
    public ExportRequest {
        Objects.requireNonNull(gateway, "gateway");
        mode = Objects.requireNonNullElse(mode, Attachment.Mode.READ_WRITE);
    }
}
