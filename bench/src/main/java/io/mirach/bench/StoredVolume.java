package io.mirach.bench;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.raft.LogPosition;
import io.mirach.raft.RaftHostConfig;
import io.mirach.server.store.BlocksRead;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.ExtentRecord;
import io.mirach.server.store.StoreConfig;
import io.mirach.server.store.StoreMemory;
import io.mirach.server.store.WriteWindow;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/**
 * One volume's blocks in the store of one placement group, as a node keeps them: opened with a
 * node's settings, written one batch per log entry with the extent records, windows and position
 * that belong to it, and made durable by a thread beside after as many bytes as a node lets pass.
 * Writes are confined to one thread; reads are for any.
 */
final class StoredVolume implements AutoCloseable {
    private static final UUID GROUP = new UUID(1, 1);
    private static final VolumeId VOLUME = new VolumeId(1);
    private static final Epoch EPOCH = new Epoch(1);
    private static final LayerId HEAD = new LayerId(1);
    private static final int BLOCKS_PER_EXTENT = Volume.DEFAULT_EXTENT_BYTES / Block.BYTES;
    private static final long CLOSE_LIMIT_SECONDS = 60;

    private final StoreMemory memory;
    private final ChunkStores stores;
    private final ChunkStore store;
    private final long checkpointBytes;
    private final ExecutorService checkpoints =
            Executors.newSingleThreadExecutor(task -> new Thread(task, "bench-checkpoint"));
    private final AtomicBoolean checkpointing = new AtomicBoolean();
    private final AtomicReference<RuntimeException> checkpointFailure = new AtomicReference<>();
    // Confined to the writer.
    private final ExtentRecord[] extents;
    private final BitSet changedExtents = new BitSet();
    private final WriteWindow[] windows = new WriteWindow[Slot.COUNT];
    private final long[] sequences = new long[Slot.COUNT];
    private final BitSet changedSlots = new BitSet();
    private long logIndex;

    StoredVolume(Path dir, int blockCount) {
        memory = new StoreMemory(StoreConfig.defaults());
        stores = ChunkStores.open(dir, memory);
        store = stores.chunkStore(GROUP);
        checkpointBytes = RaftHostConfig.defaults(GROUP, dir, "nowhere:1").checkpointBytes();
        extents = new ExtentRecord[(blockCount + BLOCKS_PER_EXTENT - 1) / BLOCKS_PER_EXTENT];
        for (int i = 0; i < extents.length; i++) {
            extents[i] = ExtentRecord.empty(BLOCKS_PER_EXTENT);
        }
        for (int i = 0; i < windows.length; i++) {
            windows[i] = new WriteWindow();
        }
    }

    /**
     * Applies one log entry: at each of {@code firstBlocks} a run of blocks, drawn from {@code
     * known}, which learns of it. A run lies within one extent.
     */
    void applyEntry(KnownBlocks known, int[] firstBlocks, int blockCount) {
        RuntimeException failure = checkpointFailure.get();
        if (failure != null) {
            throw failure;
        }
        logIndex++;
        try (ChunkBatch batch = store.begin()) {
            for (int firstBlock : firstBlocks) {
                int content = known.draw();
                putRun(batch, known, firstBlock, blockCount, content);
                known.wrote(firstBlock, blockCount, content);
            }
            putRecords(batch);
            batch.commit(new LogPosition(1, logIndex));
        }
        if (store.bytesSinceCheckpoint() >= checkpointBytes
                && checkpointing.compareAndSet(false, true)) {
            checkpoints.execute(this::checkpointBeside);
        }
    }

    private void putRun(
            ChunkBatch batch, KnownBlocks known, int firstBlock, int blockCount, int content) {
        int extent = firstBlock / BLOCKS_PER_EXTENT;
        ByteBuf data = known.run(content, blockCount);
        try {
            for (int i = 0; i < blockCount; i++) {
                batch.putBlock(HEAD, firstBlock + i, known.crc(content + i), data, i * Block.BYTES);
                extents[extent].setPresent((firstBlock + i) % BLOCKS_PER_EXTENT, logIndex);
            }
        } finally {
            data.release();
        }
        changedExtents.set(extent);
        int slot = Slot.ofExtent(extent).index();
        long sequence = ++sequences[slot];
        windows[slot].record(
                new WriteIdentity(VOLUME, EPOCH, new Slot(slot), sequence, sequence, HEAD));
        changedSlots.set(slot);
    }

    /** As apply does: each record that the entry changed once. */
    private void putRecords(ChunkBatch batch) {
        for (int e = changedExtents.nextSetBit(0); e >= 0; e = changedExtents.nextSetBit(e + 1)) {
            batch.putExtent(HEAD, e, extents[e]);
        }
        changedExtents.clear();
        for (int s = changedSlots.nextSetBit(0); s >= 0; s = changedSlots.nextSetBit(s + 1)) {
            batch.putWindow(VOLUME, EPOCH, new Slot(s), windows[s]);
        }
        changedSlots.clear();
    }

    private void checkpointBeside() {
        try {
            store.checkpoint();
        } catch (RuntimeException e) {
            checkpointFailure.compareAndSet(null, e);
        } finally {
            checkpointing.set(false);
        }
    }

    /** Makes all entries durable. */
    void checkpoint() {
        store.checkpoint();
    }

    /** Reads whole blocks within one extent; the caller owns the buffer, a direct one. */
    ByteBuf read(int firstBlock, int blockCount) {
        BlocksRead read =
                store.read(
                        List.of(HEAD),
                        BLOCKS_PER_EXTENT,
                        firstBlock,
                        blockCount,
                        ByteBufAllocator.DEFAULT);
        return read.data();
    }

    @Override
    public void close() throws InterruptedException {
        checkpoints.shutdown();
        try {
            if (!checkpoints.awaitTermination(CLOSE_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("a checkpoint does not end");
            }
        } finally {
            store.close();
            stores.close();
            memory.close();
        }
    }
}
