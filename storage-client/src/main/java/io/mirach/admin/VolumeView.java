package io.mirach.admin;

import io.mirach.model.Volume;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A volume.
 *
 * @param allocatedBytes bytes of blocks that are stored, before replication, as of a few seconds
 *     ago; empty while unknown
 * @param createdAtMs wall clock, milliseconds since 1970
 * @param placementGroups those that hold a part of it, ascending
 */
public record VolumeView(
        long id,
        String name,
        long sizeBytes,
        int extentBytes,
        OptionalLong allocatedBytes,
        Volume.State state,
        long createdAtMs,
        List<Integer> placementGroups,
        Optional<AttachmentView> attachment,
        Optional<ExportView> export) {
    public VolumeView {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(allocatedBytes, "allocatedBytes");
        Objects.requireNonNull(state, "state");
        placementGroups = List.copyOf(placementGroups);
        Objects.requireNonNull(attachment, "attachment");
        Objects.requireNonNull(export, "export");
    }
}
