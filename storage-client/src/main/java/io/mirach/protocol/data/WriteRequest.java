package io.mirach.protocol.data;

import io.mirach.model.PlacementGroupId;
import io.netty.buffer.ByteBuf;

/**
 * Writes bytes within one extent, at most 1 MiB; atomic within each block.
 *
 * @param offsetBytes in the volume, any alignment
 * @param keepZeroes store blocks of zeroes too (no hole); otherwise they become holes
 * @param unsettled an earlier try of the same write may have taken effect, or may yet. It is let
 *     through where a new one would be refused for lack of space: told that it failed, its sender
 *     would give the sequence number up, and the earlier try could still land on newer data
 * @param crcs CRC32C of each block's covered part, see {@link io.mirach.protocol.Checksum#perBlock}
 * @param data owned by whoever holds the request
 */
public record WriteRequest(
        PlacementGroupId placementGroup,
        WriteIdentity identity,
        long offsetBytes,
        boolean keepZeroes,
        boolean unsettled,
        int[] crcs,
        ByteBuf data) {
    public static final int MAX_BYTES = 1 << 20;

    /** A first try. */
    public WriteRequest(
            PlacementGroupId placementGroup,
            WriteIdentity identity,
            long offsetBytes,
            boolean keepZeroes,
            int[] crcs,
            ByteBuf data) {
        this(placementGroup, identity, offsetBytes, keepZeroes, false, crcs, data);
    }
}
