package io.mirach.protocol.cluster;

import java.util.Objects;

/**
 * A volume that a gateway no longer offers, though nobody had told it to stop.
 *
 * @param reason for people: code and cause
 */
public record EndedExport(String volume, String reason) {
    public EndedExport {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(reason, "reason");
    }
}
