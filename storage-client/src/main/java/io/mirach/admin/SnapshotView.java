package io.mirach.admin;

import io.mirach.model.Snapshot;
import java.util.Objects;

/**
 * A snapshot.
 *
 * @param id names it for life, in the whole cluster
 * @param sizeBytes of the volume when it was taken
 * @param state SEALING while it is being taken; READY once it can be read
 * @param createdAtMs wall clock, milliseconds since 1970
 */
public record SnapshotView(
        String volume,
        String name,
        long id,
        long sizeBytes,
        Snapshot.State state,
        long createdAtMs) {
    public SnapshotView {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(state, "state");
    }
}
