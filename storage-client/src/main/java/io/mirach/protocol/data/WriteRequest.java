package io.mirach.protocol.data;

import io.mirach.model.PlacementGroupId;
import io.netty.buffer.ByteBuf;

/**
 * Writes bytes within one extent, at most 1 MiB; atomic within each block.
 *
 * @param offsetBytes in the volume, any alignment
 * @param keepZeroes store blocks of zeroes too (no hole); otherwise they become holes
 * @param crcs CRC32C of each block's covered part, see {@link io.mirach.protocol.Checksum#perBlock}
 * @param data owned by whoever holds the request
 */
public record WriteRequest(
        PlacementGroupId placementGroup,
        WriteIdentity identity,
        long offsetBytes,
        boolean keepZeroes,
        int[] crcs,
        ByteBuf data) {
    public static final int MAX_BYTES = 1 << 20;
}
