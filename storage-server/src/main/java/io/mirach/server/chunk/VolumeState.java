package io.mirach.server.chunk;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.protocol.ErrorCode;
import io.mirach.server.store.AdmissionRecord;
import io.mirach.server.store.SnapshotRecord;
import io.mirach.server.store.VolumeRecord;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A volume with all that a request is checked against. Immutable.
 *
 * @param chain the head and its older layers, newest first
 * @param snapshots the layer of each snapshot, by id
 */
record VolumeState(
        VolumeRecord volume,
        AdmissionRecord admission,
        List<LayerId> chain,
        Map<Long, LayerId> snapshots) {
    VolumeState {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(admission, "admission");
        chain = List.copyOf(chain);
        snapshots = Map.copyOf(snapshots);
    }

    VolumeState withAdmission(AdmissionRecord newAdmission) {
        return new VolumeState(volume, newAdmission, chain, snapshots);
    }

    VolumeState withSnapshot(SnapshotRecord snapshot) {
        Map<Long, LayerId> more = new HashMap<>(snapshots);
        more.put(snapshot.snapshotId(), snapshot.layer());
        return new VolumeState(volume, admission, chain, more);
    }

    ErrorCode checkWriter(Epoch epoch) {
        if (admission.admitsWrites(epoch)) {
            return ErrorCode.OK;
        }
        return admission.admitsReads(epoch) ? ErrorCode.READ_ONLY : ErrorCode.FENCED;
    }

    ErrorCode checkReader(Epoch epoch) {
        return admission.admitsReads(epoch) ? ErrorCode.OK : ErrorCode.FENCED;
    }

    /** Whether a byte range lies in the volume, in one extent, and in the slot that was named. */
    ErrorCode checkRange(Slot slot, long offsetBytes, long lengthBytes) {
        if (offsetBytes < 0 || lengthBytes <= 0 || offsetBytes > volume.sizeBytes() - lengthBytes) {
            return ErrorCode.OUT_OF_RANGE;
        }
        long extent = offsetBytes / volume.extentBytes();
        if (extent != (offsetBytes + lengthBytes - 1) / volume.extentBytes()) {
            return ErrorCode.OUT_OF_RANGE;
        }
        return Slot.ofExtent(extent).equals(slot) ? ErrorCode.OK : ErrorCode.INVALID_ARGUMENT;
    }

    /** Whether a run of blocks lies in the volume and in one extent that is served here. */
    ErrorCode checkBlocks(long firstBlock, int blockCount) {
        long volumeBlocks = volume.sizeBytes() / Block.BYTES;
        if (firstBlock < 0 || blockCount <= 0 || firstBlock > volumeBlocks - blockCount) {
            return ErrorCode.OUT_OF_RANGE;
        }
        long extent = firstBlock / volume.blocksPerExtent();
        if (extent != (firstBlock + blockCount - 1) / volume.blocksPerExtent()) {
            return ErrorCode.OUT_OF_RANGE;
        }
        return volume.serves(Slot.ofExtent(extent)) ? ErrorCode.OK : ErrorCode.WRONG_PG;
    }

    ErrorCode checkEnd(long endBlock) {
        return endBlock <= volume.sizeBytes() / Block.BYTES ? ErrorCode.OK : ErrorCode.OUT_OF_RANGE;
    }
}
