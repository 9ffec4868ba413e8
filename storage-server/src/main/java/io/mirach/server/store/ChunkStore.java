package io.mirach.server.store;

import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.zip.CRC32C;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * One replica's state of one placement group: blocks and records, changed by {@link ChunkBatch}
 * together with the log position that changed them. After a crash it is what it was at {@link
 * #durablePosition} or at a later commit, whole.
 *
 * <p>Threading: one thread at a time between {@link #begin} and the batch's close, and in {@link
 * #readForPatch}; {@link #checkpoint} by one thread at a time, also during a commit; reads by any
 * thread. Every method may block on the disk, and throws {@link StoreException} if the store
 * failed.
 */
public final class ChunkStore implements AutoCloseable {
    // A flush takes what was in memory, and a little for keys and RocksDB's own records.
    private static final long FLUSH_SLACK_BYTES = 4 << 20;
    private static final int UNREADABLE = -2;

    private final ColumnFamily family;
    private final GroupPosition position;
    private final SpaceReclaimer reclaimer;
    private final FreeSpace freeSpace;
    private final GarbageCollection garbage;
    private final ChainReader reader;
    private final AtomicBoolean reclaimQueued = new AtomicBoolean();
    private final ReclaimPace pace = new ReclaimPace(System::nanoTime);
    private final Runnable whileLow = this::reclaimWhileLow;
    // Confined to the committer.
    private final ChunkBatch batch;
    private final ReadOptions patchOptions = new ReadOptions();
    private final ByteBuffer key = ByteBuffer.allocateDirect(ChunkKeys.BLOCK_KEY_BYTES);
    private final ByteBuffer value = ByteBuffer.allocateDirect(BlockValue.BYTES);

    ChunkStore(ColumnFamily family, SpaceReclaimer reclaimer, FreeSpace freeSpace) {
        this.family = family;
        this.freeSpace = freeSpace;
        this.garbage = new GarbageCollection(family, freeSpace);
        this.reclaimer = reclaimer;
        this.position = new GroupPosition(family, get(ChunkKeys.position()));
        this.reader = new ChainReader(family);
        this.batch = family.call("begin", (db, handle) -> new ChunkBatch(this, handle));
        List<byte[]> ranges = new ArrayList<>();
        scan(ChunkKeys.RECLAIM, (fields, found) -> ranges.add(found));
        if (!ranges.isEmpty()) {
            reclaimSoon();
        }
        freeSpace.whileLow(whileLow);
    }

    /** The position of the newest commit; {@link LogPosition#NONE} in a new store. */
    public LogPosition appliedPosition() {
        return position.applied();
    }

    /** The newest position that a crash certainly leaves. */
    public LogPosition durablePosition() {
        return position.durable();
    }

    /** Bytes committed since the last checkpoint. */
    public long bytesSinceCheckpoint() {
        return position.bytesSinceCheckpoint();
    }

    /** Makes everything committed before the call durable; returns the position now durable. */
    public LogPosition checkpoint() {
        LogPosition durable = position.checkpoint();
        garbage.adjust();
        return durable;
    }

    GarbageCollection.Effort garbageEffort() {
        return garbage.effort();
    }

    /** Whether the disk is nearly full, so that writes are to be refused; never blocks. */
    public boolean isSpaceLow() {
        return freeSpace.isLow();
    }

    /** An empty batch. It is always the same object: close it before the next. */
    public ChunkBatch begin() {
        family.enter();
        return batch;
    }

    void end() {
        family.leave();
    }

    void commit(WriteBatch changes, LogPosition newPosition) {
        position.commit(changes, newPosition, changes.getDataSize());
    }

    void commitRepair(WriteBatch changes) {
        family.write(changes);
    }

    /** Withdraws all admissions; durable when it returns. */
    void admitNobody() {
        try (ChunkBatch batch = begin()) {
            for (AdmissionRecord each : tables().admissions()) {
                batch.putAdmission(
                        new AdmissionRecord(each.volume(), each.version(), List.of(), List.of()));
            }
            batch.commitRepair();
        }
        family.flush();
    }

    /** All tables, at one moment. */
    public StoredTables tables() {
        List<VolumeRecord> volumes = new ArrayList<>();
        List<LayerRecord> layers = new ArrayList<>();
        List<SnapshotRecord> snapshots = new ArrayList<>();
        List<AdmissionRecord> admissions = new ArrayList<>();
        scan(
                ChunkKeys.VOLUME,
                (fields, found) ->
                        volumes.add(
                                VolumeRecord.decode(
                                        new VolumeId(fields.getLong()),
                                        Unpooled.wrappedBuffer(found))));
        scan(
                ChunkKeys.LAYER,
                (fields, found) ->
                        layers.add(
                                LayerRecord.decode(
                                        new LayerId(fields.getLong()),
                                        Unpooled.wrappedBuffer(found))));
        scan(
                ChunkKeys.SNAPSHOT,
                (fields, found) ->
                        snapshots.add(
                                SnapshotRecord.decode(
                                        new VolumeId(fields.getLong()),
                                        fields.getLong(),
                                        Unpooled.wrappedBuffer(found))));
        scan(
                ChunkKeys.ADMISSION,
                (fields, found) ->
                        admissions.add(
                                AdmissionRecord.decode(
                                        new VolumeId(fields.getLong()),
                                        Unpooled.wrappedBuffer(found))));
        return new StoredTables(volumes, layers, snapshots, admissions);
    }

    /** The record of an extent in a layer, if the layer ever had anything of it. */
    public Optional<ExtentRecord> extent(LayerId layer, long extent, int blocksPerExtent) {
        byte[] found = get(ChunkKeys.extent(layer.value(), extent));
        return found == null
                ? Optional.empty()
                : Optional.of(ExtentRecord.decode(Unpooled.wrappedBuffer(found), blocksPerExtent));
    }

    public Optional<WriteWindow> window(VolumeId volume, Epoch epoch, Slot slot) {
        byte[] found = get(ChunkKeys.window(volume, epoch, slot));
        return found == null
                ? Optional.empty()
                : Optional.of(WriteWindow.decode(Unpooled.wrappedBuffer(found)));
    }

    /**
     * Reads one block of one layer, in whatever state it is, to patch it. Uncommitted changes are
     * not seen.
     *
     * @param into borrowed; gets 4096 bytes from its index 0 on, unless the block is lost
     */
    public StoredBlock readForPatch(LayerId layer, long block, ByteBuf into) {
        ChunkKeys.block(key, layer.value(), block);
        value.clear();
        int size = family.call("get", this::readValue);
        if (size == UNREADABLE) {
            return StoredBlock.DAMAGED;
        }
        // Also when it is not found.
        if (size != BlockValue.BYTES) {
            return StoredBlock.LOST;
        }
        value.position(0).limit(size);
        byte format = value.get();
        int crc = value.getInt();
        into.setBytes(0, value);
        CRC32C actual = new CRC32C();
        actual.update(value.position(BlockValue.HEADER_BYTES));
        return format == BlockValue.BLOCK && crc == (int) actual.getValue()
                ? StoredBlock.INTACT
                : StoredBlock.DAMAGED;
    }

    private int readValue(RocksDB db, ColumnFamilyHandle handle) throws RocksDBException {
        try {
            return db.get(handle, patchOptions, key, value);
        } catch (RocksDBException e) {
            if (StoreException.isCorruption(e)) {
                // Of one block: the entry is applied, and marks it.
                return UNREADABLE;
            }
            throw e;
        }
    }

    /**
     * What is held of one block of one layer now, for a replica where it is damaged; empty if the
     * layer is not known.
     *
     * @throws DamagedBlockException if it is not intact here either
     */
    public Optional<BlockCopy> copy(LayerId layer, long block) {
        return family.callWithSnapshot(
                "copy", (db, handle, atSnapshot) -> copy(db, handle, atSnapshot, layer, block));
    }

    private Optional<BlockCopy> copy(
            RocksDB db,
            ColumnFamilyHandle handle,
            ReadOptions atSnapshot,
            LayerId layer,
            long block)
            throws RocksDBException {
        BlockSizes sizes = BlockSizes.read(db, handle, atSnapshot);
        if (!sizes.has(layer.value())) {
            return Optional.empty();
        }
        int blocksPerExtent = sizes.blocksPerExtent(layer.value());
        byte[] found =
                db.get(
                        handle,
                        atSnapshot,
                        ChunkKeys.extent(layer.value(), block / blocksPerExtent));
        ExtentRecord extent =
                found == null
                        ? ExtentRecord.empty(blocksPerExtent)
                        : ExtentRecord.decode(Unpooled.wrappedBuffer(found), blocksPerExtent);
        byte[] stored;
        try {
            stored = db.get(handle, atSnapshot, ChunkKeys.block(layer.value(), block));
        } catch (RocksDBException e) {
            if (StoreException.isCorruption(e)) {
                throw new DamagedBlockException(layer, block, "is damaged on disk");
            }
            throw e;
        }
        byte[] held = stored == null ? new byte[0] : stored;
        int bit = (int) (block % blocksPerExtent);
        if (!StatePage.isAsRecorded(extent.isPresent(bit), extent.isZero(bit), held)) {
            throw new DamagedBlockException(layer, block, "is not intact");
        }
        return Optional.of(
                new BlockCopy(
                        layer,
                        block,
                        GroupPosition.decode(
                                family.name(), db.get(handle, atSnapshot, ChunkKeys.position())),
                        extent.lastChangedIndex(),
                        held));
    }

    /**
     * Reads a run of blocks within one extent, each from the newest layer that has it, all at one
     * moment. Every block is verified.
     *
     * @param chain the layer to read and its older ones, newest first
     * @param allocator of the buffer that the caller will own
     * @throws DamagedBlockException if any of the blocks is not intact here
     */
    public BlocksRead read(
            List<LayerId> chain,
            int blocksPerExtent,
            long firstBlock,
            int blockCount,
            ByteBufAllocator allocator) {
        return reader.read(chain, blocksPerExtent, firstBlock, blockCount, allocator);
    }

    /**
     * Finds the blocks of a range that are not holes, by the extent records alone.
     *
     * @param chain the layer to look at and its older ones, newest first
     * @param maxRuns stop with a lower covered end beyond so many runs
     */
    public AllocatedRuns allocated(
            List<LayerId> chain, int blocksPerExtent, BlockRange range, int maxRuns) {
        return AllocationScan.run(family, chain, blocksPerExtent, range, maxRuns);
    }

    /**
     * Counts the blocks of one layer that have a value, by the extent records alone.
     *
     * @param fromExtent 0, or where the last count ended
     */
    public PresentCount countPresent(
            LayerId layer, int blocksPerExtent, long fromExtent, int maxRecords) {
        return PresentCount.of(family, layer, blocksPerExtent, fromExtent, maxRecords);
    }

    /** The state as it is now, to be read by another replica. */
    public StateExport export() {
        return new StateExport(family);
    }

    /**
     * Whether no compaction shall move blocks: one that meets a damaged block fails, and RocksDB
     * then takes no more writes of any group of the data dir.
     */
    public void holdGarbageCollection(boolean hold) {
        garbage.hold(hold);
    }

    /**
     * Compacts away what a block was before it was repaired: the damaged value lies there still,
     * for a compaction to meet. Blocks.
     */
    public void dropReplaced(LayerId layer, long block) {
        family.compact(
                List.of(
                        ChunkKeys.block(layer.value(), block),
                        ChunkKeys.block(layer.value(), block + 1)));
    }

    /** Closes this store, not the data dir. Waits for calls under way. Idempotent. */
    @Override
    public void close() {
        freeSpace.forget(whileLow);
        family.close();
        patchOptions.close();
        batch.closeForGood();
    }

    /** Blocks were deleted by a commit. */
    void deleted(long blocks) {
        pace.deleted(blocks);
    }

    private void reclaimWhileLow() {
        try {
            if (pace.isTime() && (pace.muchWasDeleted() || garbage.mayRewrite()) && mayFlush()) {
                reclaimSoon();
            }
        } catch (StoreException e) {
            if (!family.isClosing()) {
                throw e;
            }
        }
    }

    /** A flush that finds no room ends the process, so none is made for this alone. */
    private boolean mayFlush() {
        long unflushedBytes = family.property("rocksdb.cur-size-all-mem-tables");
        return freeSpace.usableBytes() > unflushedBytes + FLUSH_SLACK_BYTES;
    }

    /**
     * Frees the space of deleted layers, and of discarded blocks if it is wanted, in the
     * background.
     */
    void reclaimSoon() {
        if (reclaimQueued.compareAndSet(false, true)) {
            reclaimer.submit(
                    family.name(),
                    () -> {
                        try {
                            reclaim();
                        } catch (StoreException e) {
                            if (!family.isClosing()) {
                                throw e;
                            }
                            // The records stay: it goes on after the next start.
                        }
                    });
        }
    }

    private void reclaim() {
        reclaimQueued.set(false);
        if (family.isClosing()) {
            return;
        }
        boolean deleted = pace.begin();
        boolean done = false;
        try {
            done = reclaimDeleted(deleted);
        } finally {
            pace.end(done);
        }
    }

    /** Returns false if there is no room for it. */
    private boolean reclaimDeleted(boolean blocksToo) {
        if (!mayFlush()) {
            return false;
        }
        // First the deletion must be durable: were files removed before, a replay after a crash
        // would meet extent records without their blocks.
        family.flush();
        List<byte[]> records = new ArrayList<>();
        List<byte[]> ranges = new ArrayList<>();
        scan(
                ChunkKeys.RECLAIM,
                (fields, found) -> {
                    LayerId layer = new LayerId(fields.getLong());
                    records.add(ChunkKeys.reclaim(layer));
                    ranges.add(ChunkKeys.block(layer.value(), 0));
                    ranges.add(ChunkKeys.block(layer.value(), -1L));
                });
        if (blocksToo && freeSpace.isLow()) {
            family.compactAll();
        } else {
            family.compact(ranges);
        }
        garbage.rewriteIfWorthwhile();
        if (!family.isClosing()) {
            forget(records);
        }
        return true;
    }

    private void forget(List<byte[]> reclaimRecords) {
        try (WriteBatch deletes = new WriteBatch()) {
            family.call(
                    "reclaim",
                    (db, handle) -> {
                        for (byte[] recordKey : reclaimRecords) {
                            deletes.delete(handle, recordKey);
                        }
                        return null;
                    });
            family.write(deletes);
        }
    }

    private byte[] get(byte[] recordKey) {
        return family.call("get", (db, handle) -> db.get(handle, recordKey));
    }

    /** Visits the records of a type: the fields of the key, and the value. */
    private void scan(byte type, BiConsumer<ByteBuffer, byte[]> visitor) {
        family.call(
                "scan",
                (db, handle) -> {
                    try (RocksIterator iterator = db.newIterator(handle)) {
                        iterator.seek(ChunkKeys.first(type));
                        while (iterator.isValid() && ChunkKeys.isRecord(iterator.key(), type)) {
                            visitor.accept(ChunkKeys.fields(iterator.key()), iterator.value());
                            iterator.next();
                        }
                        iterator.status();
                    }
                    return null;
                });
    }
}
