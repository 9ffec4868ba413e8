package io.mirach.server.store;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/**
 * The changes of one log entry, applied as a whole by {@link #commit}. Later changes of a key win.
 * Without a commit, nothing happens. Confined to one thread from {@link ChunkStore#begin} to {@link
 * #close}; the store stays open between them. Data that is passed in is borrowed and copied.
 */
public final class ChunkBatch implements AutoCloseable {
    // Holds any extent record or window.
    private static final int RECORD_BYTES = 2048;

    private final ChunkStore store;
    private final ColumnFamilyHandle handle;
    private final WriteBatch batch = new WriteBatch();
    private final ByteBuffer key = ByteBuffer.allocateDirect(64);
    private final ByteBuffer value = ByteBuffer.allocateDirect(BlockValue.BYTES);
    private final ByteBuffer recordValue = ByteBuffer.allocateDirect(RECORD_BYTES);
    private final ByteBuf record = Unpooled.wrappedBuffer(recordValue);
    private boolean reclaims;
    private long deletedBlocks;

    ChunkBatch(ChunkStore store, ColumnFamilyHandle handle) {
        this.store = store;
        this.handle = handle;
    }

    /** Stores a block: 4096 bytes of {@code data} from {@code index}. */
    public void putBlock(LayerId layer, long block, int crc, ByteBuf data, int index) {
        putBlock(BlockValue.BLOCK, layer, block, crc, data, index);
    }

    /** Stores what a damaged block became by a patch, marked so that it is never served. */
    public void putDamagedBlock(LayerId layer, long block, int crc, ByteBuf data, int index) {
        putBlock(BlockValue.DAMAGED, layer, block, crc, data, index);
    }

    private void putBlock(
            byte format, LayerId layer, long block, int crc, ByteBuf data, int index) {
        // A copy beside the one into the Raft entry: the value must lie in one piece behind its
        // header for the native call, which copies it once more into the batch.
        value.clear().put(format).putInt(crc);
        data.getBytes(index, value);
        value.flip();
        change(() -> batch.put(handle, ChunkKeys.block(key, layer.value(), block), value));
    }

    /** Hides an older layer's block behind zeroes. */
    public void putZeroMarker(LayerId layer, long block) {
        value.clear().put(BlockValue.ZERO).flip();
        change(() -> batch.put(handle, ChunkKeys.block(key, layer.value(), block), value));
        deletedBlocks++;
    }

    public void deleteBlock(LayerId layer, long block) {
        change(() -> batch.delete(handle, ChunkKeys.block(key, layer.value(), block)));
        deletedBlocks++;
    }

    /** Deletes many blocks by one record: cheap to write, at some cost to reads until compacted. */
    public void deleteBlocks(LayerId layer, long firstBlock, long endBlock) {
        change(
                () ->
                        batch.deleteRange(
                                handle,
                                ChunkKeys.block(layer.value(), firstBlock),
                                ChunkKeys.block(layer.value(), endBlock)));
        deletedBlocks += Math.max(0, endBlock - firstBlock);
    }

    public void putExtent(LayerId layer, long extent, ExtentRecord extentRecord) {
        putRecord(ChunkKeys.extent(layer.value(), extent), extentRecord::encode);
    }

    public void putWindow(VolumeId volume, Epoch epoch, Slot slot, WriteWindow window) {
        putRecord(ChunkKeys.window(volume, epoch, slot), window::encode);
    }

    /** Deletes the volume's windows of all epochs but those in {@code kept}, which ascend. */
    public void deleteWindowsExcept(VolumeId volume, List<Epoch> kept) {
        long from = 0;
        for (Epoch epoch : kept) {
            deleteWindows(volume, from, epoch.value());
            from = epoch.value() + 1;
        }
        deleteWindows(volume, from, -1L);
    }

    /** From an epoch to another, exclusive; -1 is beyond all, since keys compare unsigned. */
    private void deleteWindows(VolumeId volume, long fromEpoch, long endEpoch) {
        if (fromEpoch != endEpoch) {
            change(
                    () ->
                            batch.deleteRange(
                                    handle,
                                    ChunkKeys.windowsFrom(volume.value(), fromEpoch),
                                    ChunkKeys.windowsFrom(volume.value(), endEpoch)));
        }
    }

    public void putVolume(VolumeRecord volume) {
        putTable(ChunkKeys.volume(volume.volume()), volume::encode);
    }

    public void putLayer(LayerRecord layer) {
        putTable(ChunkKeys.layer(layer.layer()), layer::encode);
    }

    public void putSnapshot(SnapshotRecord snapshot) {
        putTable(ChunkKeys.snapshot(snapshot.volume(), snapshot.snapshotId()), snapshot::encode);
    }

    public void putAdmission(AdmissionRecord admission) {
        putTable(ChunkKeys.admission(admission.volume()), admission::encode);
    }

    /** Deletes a volume's records, except for its layers and extents. */
    public void deleteVolume(VolumeId volume) {
        deleteWindowsExcept(volume, List.of());
        change(
                () -> {
                    batch.delete(handle, ChunkKeys.volume(volume));
                    batch.delete(handle, ChunkKeys.admission(volume));
                    batch.deleteRange(
                            handle, ChunkKeys.snapshot(volume, 0), ChunkKeys.snapshot(volume, -1L));
                });
    }

    /** Deletes a layer with its blocks and extents; their space is freed after the commit. */
    public void deleteLayer(LayerId layer) {
        long id = layer.value();
        deleteBlocks(layer, 0, -1L);
        change(
                () -> {
                    batch.deleteRange(handle, ChunkKeys.extent(id, 0), ChunkKeys.extent(id, -1L));
                    batch.delete(handle, ChunkKeys.layer(layer));
                    batch.put(handle, ChunkKeys.reclaim(layer), new byte[] {1});
                });
        reclaims = true;
    }

    /** Stores what another replica holds of a block. */
    public void putCopy(BlockCopy copy) {
        byte[] blockKey = ChunkKeys.block(copy.layer().value(), copy.block());
        if (copy.isAbsent()) {
            change(() -> batch.delete(handle, blockKey));
        } else {
            change(() -> batch.put(handle, blockKey, copy.value()));
        }
    }

    /**
     * Applies what puts this replica right and is no change of the group's state: the position
     * stays. A crash may undo it.
     */
    public void commitRepair() {
        store.commitRepair(batch);
    }

    /** Applies everything, together with the position of the entry that says so. */
    public void commit(LogPosition position) {
        change(() -> batch.put(handle, ChunkKeys.position(), GroupPosition.encode(position)));
        store.commit(batch, position);
        store.deleted(deletedBlocks);
        if (reclaims) {
            store.reclaimSoon();
        }
    }

    /** Forgets everything that was not committed, and lets the store close. */
    @Override
    public void close() {
        batch.clear();
        reclaims = false;
        deletedBlocks = 0;
        store.end();
    }

    void closeForGood() {
        batch.close();
    }

    private void putRecord(byte[] recordKey, Consumer<ByteBuf> encoder) {
        key.clear().put(recordKey).flip();
        encoder.accept(record.clear());
        recordValue.clear().limit(record.readableBytes());
        change(() -> batch.put(handle, key, recordValue));
    }

    private void putTable(byte[] recordKey, Consumer<ByteBuf> encoder) {
        ByteBuf out = Unpooled.buffer();
        encoder.accept(out);
        byte[] encoded = new byte[out.readableBytes()];
        out.readBytes(encoded);
        change(() -> batch.put(handle, recordKey, encoded));
    }

    private interface Change {
        void run() throws RocksDBException;
    }

    private static void change(Change change) {
        try {
            change.run();
        } catch (RocksDBException e) {
            throw new StoreException("cannot build a batch", e);
        }
    }
}
