package io.mirach.admin;

import io.mirach.model.Volume;
import io.mirach.model.VolumeName;
import java.util.Objects;

/**
 * A new, thin volume.
 *
 * @param sizeBytes a multiple of 4 KiB
 * @param extentBytes 0 takes {@link Volume#DEFAULT_EXTENT_BYTES}
 * @param strictReads see {@link Volume#strictReads}; may be left out
 */
public record CreateVolumeRequest(
        String name, long sizeBytes, int extentBytes, Boolean strictReads) {
    public CreateVolumeRequest {
        VolumeName.check(name);
        Volume.checkSize(sizeBytes);
        if (extentBytes == 0) {
            extentBytes = Volume.DEFAULT_EXTENT_BYTES;
        }
        strictReads = Objects.requireNonNullElse(strictReads, false);
    }

    /** Its reads trust the leader's lease. */
    public CreateVolumeRequest(String name, long sizeBytes, int extentBytes) {
        this(name, sizeBytes, extentBytes, false);
    }
}
