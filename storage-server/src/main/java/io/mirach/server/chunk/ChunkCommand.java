package io.mirach.server.chunk;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.data.WriteIdentity;
import io.netty.buffer.ByteBuf;
import java.util.List;

/** What a placement group's log holds. */
sealed interface ChunkCommand {
    /**
     * Writes bytes within one extent.
     *
     * @param crcs CRC32C of each touched block's covered part
     * @param data borrowed: lives as long as the command that it was decoded from
     */
    record Write(
            WriteIdentity identity, long offsetBytes, boolean keepZeroes, int[] crcs, ByteBuf data)
            implements ChunkCommand {}

    /** Zeroes bytes within one extent. */
    record Zero(WriteIdentity identity, long offsetBytes, int lengthBytes)
            implements ChunkCommand {}

    /** Makes a volume known. */
    record OpenVolume(VolumeId volume, LayerId head, int extentBytes, long sizeBytes, long slotBits)
            implements ChunkCommand {}

    /** Forgets a volume, with its layers and blocks. */
    record DropVolume(VolumeId volume) implements ChunkCommand {}

    /** Replaces the set of admitted epochs. */
    record Admit(VolumeId volume, long version, List<Epoch> readWrite, List<Epoch> readOnly)
            implements ChunkCommand {}

    /**
     * Seals the head, keeps it as a snapshot, and opens a new head above it.
     *
     * @param sealed the layer that is the head so far
     */
    record SealLayer(VolumeId volume, LayerId sealed, LayerId newHead, long snapshotId)
            implements ChunkCommand {}

    /** Has replicas hash what they hold once this entry is applied. Changes nothing. */
    record TakeDigest(DigestOrder order) implements ChunkCommand {}
}
