package io.mirach.protocol.data;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;

/**
 * Reads whole blocks within one extent, at most 1 MiB.
 *
 * @param layer the head or a snapshot's layer; never a chain
 * @param strict trust no clock
 */
public record ReadRequest(
        PlacementGroupId placementGroup,
        VolumeId volume,
        Epoch epoch,
        LayerId layer,
        long firstBlock,
        int blockCount,
        boolean strict) {
    public static final int MAX_BLOCKS = 256;
}
