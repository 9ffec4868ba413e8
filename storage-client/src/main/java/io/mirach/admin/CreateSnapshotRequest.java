package io.mirach.admin;

import io.mirach.model.VolumeName;

/**
 * A new snapshot of a volume.
 *
 * @param name of the form of volume names
 */
public record CreateSnapshotRequest(String name) {
    public CreateSnapshotRequest {
        VolumeName.check(name);
    }
}
