package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.server.store.AdmissionRecord;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.LayerRecord;
import io.mirach.server.store.SnapshotRecord;
import io.mirach.server.store.VolumeRecord;
import java.util.List;
import java.util.Optional;

/** Applies orders to the tables and to the batch of the entry under way. Confined to apply. */
final class TableChanges {
    private final BlockWriter blocks;
    private final WindowCache windows;
    private GroupTables tables;
    private ChunkBatch batch;

    TableChanges(BlockWriter blocks, WindowCache windows, GroupTables tables) {
        this.blocks = blocks;
        this.windows = windows;
        this.tables = tables;
    }

    /** Starts an entry. */
    void begin(ChunkBatch entryBatch) {
        batch = entryBatch;
    }

    /** The tables as of the command under way. */
    GroupTables tables() {
        return tables;
    }

    ErrorCode open(ChunkCommand.OpenVolume order) {
        if (!VolumeRecord.isValid(order.extentBytes(), order.sizeBytes())) {
            return ErrorCode.INVALID_ARGUMENT;
        }
        VolumeRecord volume =
                new VolumeRecord(
                        order.volume(),
                        order.head(),
                        order.extentBytes(),
                        order.sizeBytes(),
                        order.slotBits());
        Optional<LayerRecord> head = tables.layer(order.head());
        Optional<VolumeState> known = tables.volume(order.volume());
        if (known.isPresent()) {
            VolumeRecord existing = known.get().volume();
            // A late copy may name a head that was sealed since.
            boolean same =
                    existing.withHead(order.head()).equals(volume)
                            && head.isPresent()
                            && head.get().volume().equals(order.volume());
            return same ? ErrorCode.OK : ErrorCode.CONFLICT;
        }
        if (head.isPresent()) {
            return ErrorCode.CONFLICT;
        }
        LayerRecord layer = new LayerRecord(order.head(), order.volume(), Optional.empty(), false);
        batch.putVolume(volume);
        batch.putLayer(layer);
        tables = tables.with(volume, layer);
        return ErrorCode.OK;
    }

    ErrorCode drop(ChunkCommand.DropVolume order) {
        VolumeId volume = order.volume();
        if (tables.volume(volume).isEmpty()) {
            return ErrorCode.OK;
        }
        if (tables.hasClones(volume)) {
            return ErrorCode.CONFLICT;
        }
        for (LayerId layer : tables.layersOf(volume)) {
            batch.deleteLayer(layer);
            blocks.forget(layer);
        }
        batch.deleteVolume(volume);
        windows.forgetExcept(volume, List.of());
        tables = tables.without(volume);
        return ErrorCode.OK;
    }

    ErrorCode admit(ChunkCommand.Admit order) {
        Optional<VolumeState> volume = tables.volume(order.volume());
        if (volume.isEmpty()) {
            return ErrorCode.NO_SUCH_VOLUME;
        }
        AdmissionRecord admission =
                new AdmissionRecord(
                        order.volume(), order.version(), order.readWrite(), order.readOnly());
        AdmissionRecord inForce = volume.get().admission();
        if (admission.version() <= inForce.version()) {
            // To answer a late copy with OK would claim that it is in force.
            return admission.equals(inForce) ? ErrorCode.OK : ErrorCode.STALE_MAP;
        }
        batch.putAdmission(admission);
        batch.deleteWindowsExcept(order.volume(), admission.epochs());
        windows.forgetExcept(order.volume(), admission.epochs());
        tables = tables.with(admission);
        return ErrorCode.OK;
    }

    ErrorCode seal(ChunkCommand.SealLayer order) {
        Optional<VolumeState> known = tables.volume(order.volume());
        if (known.isEmpty()) {
            return ErrorCode.NO_SUCH_VOLUME;
        }
        VolumeRecord volume = known.get().volume();
        Optional<LayerRecord> newHead = tables.layer(order.newHead());
        if (newHead.isPresent()) {
            // Done before, by a copy of this order.
            boolean same =
                    newHead.get().volume().equals(order.volume())
                            && newHead.get().parent().equals(Optional.of(order.sealed()));
            return same ? ErrorCode.OK : ErrorCode.CONFLICT;
        }
        if (!volume.head().equals(order.sealed())) {
            return tables.checkHead(known.get(), order.sealed());
        }
        LayerRecord old = tables.layer(order.sealed()).orElseThrow();
        LayerRecord sealed = new LayerRecord(old.layer(), old.volume(), old.parent(), true);
        LayerRecord head =
                new LayerRecord(
                        order.newHead(), order.volume(), Optional.of(order.sealed()), false);
        VolumeRecord moved = volume.withHead(order.newHead());
        batch.putLayer(sealed);
        batch.putLayer(head);
        batch.putVolume(moved);
        SnapshotRecord snapshot =
                new SnapshotRecord(order.volume(), order.snapshotId(), order.sealed());
        batch.putSnapshot(snapshot);
        tables = tables.with(moved, snapshot, sealed, head);
        return ErrorCode.OK;
    }
}
