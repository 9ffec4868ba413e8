package io.mirach.protocol.data;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;
import java.util.Optional;

/**
 * Reads whole blocks within one extent, at most 1 MiB.
 *
 * @param epoch the attachment under which the head is read; empty for a snapshot, which needs none
 * @param layer the head or a snapshot's layer; never a chain
 * @param strict trust no clock
 */
public record ReadRequest(
        PlacementGroupId placementGroup,
        VolumeId volume,
        Optional<Epoch> epoch,
        LayerId layer,
        long firstBlock,
        int blockCount,
        boolean strict) {
    public static final int MAX_BLOCKS = 256;

    /** Of the head, under an attachment. */
    public ReadRequest(
            PlacementGroupId placementGroup,
            VolumeId volume,
            Epoch epoch,
            LayerId layer,
            long firstBlock,
            int blockCount,
            boolean strict) {
        this(placementGroup, volume, Optional.of(epoch), layer, firstBlock, blockCount, strict);
    }
}
