package io.mirach.server.chunk;

import io.mirach.model.Block;
import io.mirach.model.LayerId;
import io.mirach.protocol.Checksum;
import io.mirach.server.store.Bitmap;
import io.mirach.server.store.BlockCopy;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.ExtentRecord;
import io.mirach.server.store.StoredBlock;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Turns the checked writes of one entry at a time into changes of blocks and extent records. The
 * extent records, as of the write under way, say where each block is; the blocks that the entry
 * itself wrote are kept aside, so that a patch finds them before they are in the store. Confined to
 * the apply thread.
 */
final class BlockWriter {
    // From so many blocks on, one range deletion is cheaper than deleting each.
    private static final int RANGE_DELETE_MIN_BLOCKS = 64;

    private record BlockAddress(LayerId layer, long block) {}

    /** A block written by the entry under way. */
    private record Pending(ByteBuf data, int index, int crc, boolean damaged) {}

    private final UUID groupId;
    private final ChunkStore store;
    private final ExtentCache extents;
    private final DamageListener damageListener;
    private final Map<BlockAddress, Pending> pending = new HashMap<>();
    private ChunkBatch batch;
    private long logIndex;

    BlockWriter(
            UUID groupId, ChunkStore store, ExtentCache extents, DamageListener damageListener) {
        this.groupId = groupId;
        this.store = store;
        this.extents = extents;
        this.damageListener = damageListener;
    }

    /** Starts an entry. */
    void begin(ChunkBatch entryBatch, long entryIndex) {
        batch = entryBatch;
        logIndex = entryIndex;
    }

    /** Ends an entry, before its commit. */
    void end() {
        extents.flushTo(batch);
        pending.clear();
    }

    /**
     * Makes a block what another replica has, between entries.
     *
     * @param repairs takes the change; committed by the caller
     * @param appliedIndex the newest entry that is applied here; not before the copy's last change
     * @return whether it is certain that nothing changed the block between here and the copy
     */
    boolean repair(ChunkBatch repairs, BlockCopy copy, int blocksPerExtent, long appliedIndex) {
        long extent = copy.block() / blocksPerExtent;
        ExtentRecord record = extents.get(copy.layer(), extent, blocksPerExtent);
        boolean neverChanged = copy.changedIndex() < 0;
        if (appliedIndex > copy.position().index()
                && record.lastChangedIndex() > copy.position().index()) {
            return false;
        }
        if (neverChanged && record.lastChangedIndex() >= 0) {
            throw new IllegalStateException(
                    "extent " + extent + " of " + copy.layer() + " exists on one replica only");
        }
        repairs.putCopy(copy);
        if (!neverChanged) {
            record.set((int) (copy.block() % blocksPerExtent), copy);
            extents.changed(copy.layer(), extent);
            extents.flushTo(repairs);
        }
        return true;
    }

    /** A layer is being deleted by the entry under way. */
    void forget(LayerId layer) {
        extents.forget(layer);
        pending.keySet().removeIf(address -> address.layer().equals(layer));
    }

    /** Writes a checked range: whole blocks as they came, the others patched. */
    void write(VolumeState volume, ChunkCommand.Write write) {
        ByteBuf data = write.data();
        int index = data.readerIndex();
        int left = data.readableBytes();
        long offsetBytes = write.offsetBytes();
        for (int crc : write.crcs()) {
            long block = Block.indexOf(offsetBytes);
            int inBlock = (int) (offsetBytes & (Block.BYTES - 1));
            int length = Math.min(Block.BYTES - inBlock, left);
            if (length == Block.BYTES) {
                put(volume, block, new Pending(data, index, crc, false), write.keepZeroes());
            } else {
                requireIntact(data, index, length, crc);
                ByteBuf patched = patchable();
                boolean damaged = !readBase(volume, block, patched);
                patched.setBytes(inBlock, data, index, length);
                putPatched(volume, block, patched, damaged, write.keepZeroes());
            }
            index += length;
            left -= length;
            offsetBytes += length;
        }
    }

    /** Zeroes a checked range: whole blocks become holes, edges are patched. */
    void zero(VolumeState volume, long offsetBytes, int lengthBytes) {
        long end = offsetBytes + lengthBytes;
        long firstWhole = Block.indexOf(offsetBytes + Block.BYTES - 1);
        long endWhole = Block.indexOf(end);
        if (firstWhole > endWhole) {
            zeroPart(volume, offsetBytes, end);
            return;
        }
        zeroPart(volume, offsetBytes, firstWhole << Block.SHIFT);
        if (firstWhole < endWhole) {
            zeroBlocks(volume, firstWhole, endWhole);
        }
        zeroPart(volume, endWhole << Block.SHIFT, end);
    }

    /** Zeroes bytes inside one block; none if the range is empty. */
    private void zeroPart(VolumeState volume, long fromBytes, long endBytes) {
        if (fromBytes >= endBytes) {
            return;
        }
        long block = Block.indexOf(fromBytes);
        if (locate(volume, block, 0) == null) {
            return;
        }
        ByteBuf patched = patchable();
        boolean damaged = !readBase(volume, block, patched);
        patched.setZero((int) (fromBytes & (Block.BYTES - 1)), (int) (endBytes - fromBytes));
        putPatched(volume, block, patched, damaged, false);
    }

    private void zeroBlocks(VolumeState volume, long firstBlock, long endBlock) {
        if (volume.chain().size() > 1) {
            makeHoles(volume, firstBlock, endBlock);
            return;
        }
        LayerId head = volume.volume().head();
        int blocksPerExtent = volume.volume().blocksPerExtent();
        long extent = firstBlock / blocksPerExtent;
        ExtentRecord record = extents.get(head, extent, blocksPerExtent);
        int from = (int) (firstBlock % blocksPerExtent);
        int end = from + (int) (endBlock - firstBlock);
        int set = record.present().nextSet(from);
        if (set >= end && record.zero().nextSet(from) >= end) {
            return;
        }
        if (record.present().cardinality() >= RANGE_DELETE_MIN_BLOCKS
                && end - from == blocksPerExtent) {
            batch.deleteBlocks(head, firstBlock, endBlock);
        } else {
            for (int bit = set; bit < end; bit = record.present().nextSet(bit + 1)) {
                batch.deleteBlock(head, firstBlock + bit - from);
            }
            for (int bit = record.zero().nextSet(from); bit < end; ) {
                batch.deleteBlock(head, firstBlock + bit - from);
                bit = record.zero().nextSet(bit + 1);
            }
        }
        record.setAbsent(from, end, logIndex);
        extents.changed(head, extent);
    }

    private void putPatched(
            VolumeState volume, long block, ByteBuf patched, boolean damaged, boolean keepZeroes) {
        int crc = Checksum.of(patched, 0, Block.BYTES);
        // A damaged block stays marked even when it reads as zeroes: what it was is unknown.
        put(volume, block, new Pending(patched, 0, crc, damaged), keepZeroes || damaged);
    }

    private void put(VolumeState volume, long block, Pending value, boolean keepZeroes) {
        if (!keepZeroes && isZero(value)) {
            makeHole(volume, block);
            return;
        }
        LayerId head = volume.volume().head();
        if (value.damaged()) {
            batch.putDamagedBlock(head, block, value.crc(), value.data(), value.index());
        } else {
            batch.putBlock(head, block, value.crc(), value.data(), value.index());
        }
        pending.put(new BlockAddress(head, block), value);
        int blocksPerExtent = volume.volume().blocksPerExtent();
        long extent = block / blocksPerExtent;
        extents.get(head, extent, blocksPerExtent)
                .setPresent((int) (block % blocksPerExtent), logIndex);
        extents.changed(head, extent);
    }

    /** As {@link #makeHole} for a run within an extent: each older layer is looked at once. */
    private void makeHoles(VolumeState volume, long firstBlock, long endBlock) {
        LayerId head = volume.volume().head();
        int blocksPerExtent = volume.volume().blocksPerExtent();
        long extent = firstBlock / blocksPerExtent;
        int from = (int) (firstBlock % blocksPerExtent);
        int end = from + (int) (endBlock - firstBlock);
        Bitmap below = valuesBelow(volume, extent, blocksPerExtent);
        ExtentRecord record = extents.get(head, extent, blocksPerExtent);
        for (int bit = from; bit < end; bit++) {
            long block = firstBlock + bit - from;
            if (below.get(bit)) {
                if (!record.isZero(bit)) {
                    batch.putZeroMarker(head, block);
                    record.setZero(bit, logIndex);
                    extents.changed(head, extent);
                }
            } else if (record.isPresent(bit) || record.isZero(bit)) {
                batch.deleteBlock(head, block);
                record.setAbsent(bit, logIndex);
                extents.changed(head, extent);
            }
        }
    }

    /** The blocks of an extent of which the layers below the head show a value. */
    private Bitmap valuesBelow(VolumeState volume, long extent, int blocksPerExtent) {
        Bitmap values = new Bitmap(blocksPerExtent);
        Bitmap decided = new Bitmap(blocksPerExtent);
        List<LayerId> chain = volume.chain();
        for (LayerId layer : chain.subList(1, chain.size())) {
            ExtentRecord record = extents.get(layer, extent, blocksPerExtent);
            values.addAllExcept(record.present(), decided);
            decided.addAll(record.present());
            decided.addAll(record.zero());
        }
        return values;
    }

    /** A marker if an older layer has the block, else nothing at all. */
    private void makeHole(VolumeState volume, long block) {
        LayerId head = volume.volume().head();
        int blocksPerExtent = volume.volume().blocksPerExtent();
        long extent = block / blocksPerExtent;
        int bit = (int) (block % blocksPerExtent);
        ExtentRecord record = extents.get(head, extent, blocksPerExtent);
        if (locate(volume, block, 1) != null) {
            if (!record.isZero(bit)) {
                batch.putZeroMarker(head, block);
                record.setZero(bit, logIndex);
                extents.changed(head, extent);
            }
        } else if (record.isPresent(bit) || record.isZero(bit)) {
            batch.deleteBlock(head, block);
            record.setAbsent(bit, logIndex);
            extents.changed(head, extent);
        }
    }

    /**
     * The newest layer that holds a value of the block, from a depth of the chain on; null if it is
     * a hole there.
     */
    private LayerId locate(VolumeState volume, long block, int fromDepth) {
        int blocksPerExtent = volume.volume().blocksPerExtent();
        int bit = (int) (block % blocksPerExtent);
        List<LayerId> chain = volume.chain();
        for (int depth = fromDepth; depth < chain.size(); depth++) {
            ExtentRecord record =
                    extents.get(chain.get(depth), block / blocksPerExtent, blocksPerExtent);
            if (record.isPresent(bit)) {
                return chain.get(depth);
            }
            if (record.isZero(bit)) {
                return null;
            }
        }
        return null;
    }

    /** Fills {@code into}, all zeroes so far, with the block's content; false if it is damaged. */
    private boolean readBase(VolumeState volume, long block, ByteBuf into) {
        LayerId layer = locate(volume, block, 0);
        if (layer == null) {
            return true;
        }
        Pending own = pending.get(new BlockAddress(layer, block));
        if (own != null) {
            into.setBytes(0, own.data(), own.index(), Block.BYTES);
            return !own.damaged() && intact(layer, block, Checksum.of(into, 0, Block.BYTES), own);
        }
        StoredBlock stored = store.readForPatch(layer, block, into);
        if (stored != StoredBlock.INTACT) {
            damageListener.damaged(
                    groupId, layer, block, "found " + stored + " when it was patched");
        }
        return stored == StoredBlock.INTACT;
    }

    private boolean intact(LayerId layer, long block, int crc, Pending own) {
        if (crc != own.crc()) {
            damageListener.damaged(groupId, layer, block, "came damaged from the log");
        }
        return crc == own.crc();
    }

    private static ByteBuf patchable() {
        return Unpooled.wrappedBuffer(new byte[Block.BYTES]);
    }

    /** The leader verified it before it was logged: a difference arose in this process. */
    private static void requireIntact(ByteBuf data, int index, int length, int crc) {
        if (Checksum.of(data, index, length) != crc) {
            throw new IllegalStateException("a write in the log fails its checksum");
        }
    }

    private static boolean isZero(Pending value) {
        if (value.crc() != Checksum.ZERO_BLOCK) {
            return false;
        }
        for (int i = 0; i < Block.BYTES; i += Long.BYTES) {
            if (value.data().getLong(value.index() + i) != 0) {
                return false;
            }
        }
        return true;
    }
}
