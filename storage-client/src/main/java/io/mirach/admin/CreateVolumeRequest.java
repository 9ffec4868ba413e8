package io.mirach.admin;

import io.mirach.model.Volume;
import io.mirach.model.VolumeName;

/**
 * A new, thin volume.
 *
 * @param sizeBytes a multiple of 4 KiB
 * @param extentBytes 0 takes {@link Volume#DEFAULT_EXTENT_BYTES}
 */
public record CreateVolumeRequest(String name, long sizeBytes, int extentBytes) {
    public CreateVolumeRequest {
        VolumeName.check(name);
        Volume.checkSize(sizeBytes);
        if (extentBytes == 0) {
            extentBytes = Volume.DEFAULT_EXTENT_BYTES;
        }
    }
}
