package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.server.store.BlockCopy;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StoreException;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * A placement group's replica: applies its log to a {@link ChunkStore}. All commands of an entry,
 * and the entry's position, become one batch of the store, so that an entry takes effect as a whole
 * and exactly once.
 *
 * <p>A write is checked in this order: volume, slot, epoch, duplicate, layer, range. A refused one
 * leaves no trace: the same sequence number may come again, say with the new head.
 */
public final class ChunkStateMachine implements ReplicatedStateMachine<ChunkReply> {
    private static final int EXTENTS_KEPT = 4096;
    private static final int WINDOWS_KEPT = 2048;

    private final UUID groupId;
    private final ChunkStores stores;
    private final DamageListener damageListener;
    private final DigestListener digestListener;
    // Read by any thread; replaced by an import.
    private volatile ChunkStore store;
    // What readers check against: the newest entry that is applied.
    private volatile GroupTables tables;
    // Confined to whoever applies.
    private BlockWriter blocks;
    private WindowCache windows;
    private TableChanges changes;
    // Held by whoever applies, also a repair.
    private final Object applyLock = new Object();
    // Copies from replicas that are ahead. Under applyLock.
    private final List<Awaited> awaited = new ArrayList<>();
    // By the entry under way; of several orders the last, which would replace the others anyway.
    private Optional<DigestOrder> digestOrdered = Optional.empty();

    /** A copy that can be used once this replica has applied as much as it shows. */
    private record Awaited(BlockCopy copy, CompletableFuture<Repair> outcome) {}

    /** The replica of {@code groupId} in these stores. */
    public ChunkStateMachine(
            UUID groupId,
            ChunkStores stores,
            DamageListener damageListener,
            DigestListener digestListener) {
        this.groupId = groupId;
        this.stores = stores;
        this.damageListener = damageListener;
        this.digestListener = digestListener;
        use(stores.chunkStore(groupId));
    }

    private void use(ChunkStore current) {
        store = current;
        tables = GroupTables.of(current.tables());
        windows = new WindowCache(current, WINDOWS_KEPT);
        ExtentCache extents = new ExtentCache(current, EXTENTS_KEPT);
        blocks = new BlockWriter(groupId, current, extents, damageListener);
        changes = new TableChanges(blocks, windows, tables);
    }

    public UUID groupId() {
        return groupId;
    }

    @Override
    public LogPosition durablePosition() {
        return store.durablePosition();
    }

    @Override
    public LogPosition appliedPosition() {
        return store.appliedPosition();
    }

    @Override
    public List<ChunkReply> apply(LogPosition position, List<ByteBuf> commands) {
        synchronized (applyLock) {
            return applyNext(position, commands);
        }
    }

    private List<ChunkReply> applyNext(LogPosition position, List<ByteBuf> commands) {
        requireNext(position);
        List<ChunkReply> replies = new ArrayList<>(commands.size());
        try (ChunkBatch batch = store.begin()) {
            blocks.begin(batch, position.index());
            changes.begin(batch);
            for (ByteBuf command : commands) {
                // Decoding moves the indexes of a view of its own.
                replies.add(ChunkReply.of(apply(ChunkCommandCodec.decode(command.slice()))));
            }
            blocks.end();
            windows.flushTo(batch);
            batch.commit(position);
        }
        // After the commit: a reader that passes the new checks finds the new blocks.
        tables = changes.tables();
        if (digestOrdered.isPresent()) {
            // After the commit too: wherever in its entry the order is, the whole entry counts.
            digestListener.ordered(groupId, digestOrdered.get(), store::export);
            digestOrdered = Optional.empty();
        }
        if (!awaited.isEmpty()) {
            repairAwaited();
        }
        return replies;
    }

    @Override
    public void skip(LogPosition position) {
        synchronized (applyLock) {
            requireNext(position);
            try (ChunkBatch batch = store.begin()) {
                batch.commit(position);
            }
        }
    }

    /**
     * Makes a block what another replica has, if it is certain that both have it as of the same
     * entry; waits for the entries that the copy shows and this replica has not applied. Changes
     * nothing of the group's state. For any thread; blocks on the disk. The outcome completes on
     * the apply thread or at once; cancel it to wait no longer.
     */
    public CompletableFuture<Repair> repair(BlockCopy copy) {
        CompletableFuture<Repair> outcome = new CompletableFuture<>();
        synchronized (applyLock) {
            awaited.add(new Awaited(copy, outcome));
            repairAwaited();
        }
        return outcome;
    }

    private void repairAwaited() {
        long applied = appliedPosition().index();
        awaited.removeIf(
                each -> {
                    if (each.outcome().isDone()) {
                        return true;
                    }
                    if (applied < each.copy().changedIndex()) {
                        return false;
                    }
                    try {
                        each.outcome().complete(repairNow(each.copy(), applied));
                    } catch (RuntimeException e) {
                        each.outcome().completeExceptionally(e);
                    }
                    return true;
                });
    }

    private Repair repairNow(BlockCopy copy, long applied) {
        Optional<Integer> blocksPerExtent =
                tables.layer(copy.layer())
                        .flatMap(layer -> tables.volume(layer.volume()))
                        .map(state -> state.volume().blocksPerExtent());
        if (blocksPerExtent.isEmpty()) {
            return Repair.NO_LAYER;
        }
        try (ChunkBatch batch = store.begin()) {
            if (!blocks.repair(batch, copy, blocksPerExtent.get(), applied)) {
                return Repair.OUTDATED;
            }
            batch.commitRepair();
        } catch (RuntimeException e) {
            // What is cached of it was perhaps not stored.
            blocks.forget(copy.layer());
            throw e;
        }
        return Repair.DONE;
    }

    /** See {@link ChunkStore#holdGarbageCollection}; for any thread. */
    public void holdGarbageCollection(boolean hold) {
        store.holdGarbageCollection(hold);
    }

    /** See {@link ChunkStore#dropReplaced}; for any thread. */
    public void dropReplaced(LayerId layer, long block) {
        store.dropReplaced(layer, block);
    }

    /** See {@link ChunkStore#copy}; for any thread. */
    public Optional<BlockCopy> copy(LayerId layer, long block) {
        return store.copy(layer, block);
    }

    @Override
    public LogPosition logBase() {
        return stores.importedAt(groupId);
    }

    @Override
    public Optional<LogPosition> imported() {
        return stores.imported(groupId);
    }

    @Override
    public void install() {
        synchronized (applyLock) {
            use(stores.install(groupId, store));
            repairAwaited();
        }
    }

    @Override
    public LogPosition checkpoint() {
        while (true) {
            ChunkStore current = store;
            try {
                return current.checkpoint();
            } catch (StoreException e) {
                if (current == store) {
                    throw e;
                }
                // Replaced meanwhile, and closed.
            }
        }
    }

    @Override
    public long bytesSinceCheckpoint() {
        return store.bytesSinceCheckpoint();
    }

    @Override
    public void close() {
        store.close();
    }

    /** Begins to count what each volume stores here; for any thread. */
    public StoredCount countStored() {
        return new StoredCount(store, tables);
    }

    /** The state as it is now, for another replica; for any thread. */
    public StateExport export() {
        return store.export();
    }

    GroupTables tables() {
        return tables;
    }

    ChunkStore store() {
        return store;
    }

    private void requireNext(LogPosition position) {
        if (position.compareTo(appliedPosition()) <= 0) {
            throw new IllegalStateException(
                    "entry at " + position + " is applied already: " + appliedPosition());
        }
    }

    private ErrorCode apply(ChunkCommand command) {
        if (command instanceof ChunkCommand.Write write) {
            return apply(write);
        } else if (command instanceof ChunkCommand.Zero zero) {
            return apply(zero);
        } else if (command instanceof ChunkCommand.OpenVolume order) {
            return changes.open(order);
        } else if (command instanceof ChunkCommand.DropVolume order) {
            return changes.drop(order);
        } else if (command instanceof ChunkCommand.Admit order) {
            return changes.admit(order);
        } else if (command instanceof ChunkCommand.SealLayer order) {
            return changes.seal(order);
        } else if (command instanceof ChunkCommand.TakeDigest order) {
            digestOrdered = Optional.of(order.order());
            return ErrorCode.OK;
        }
        throw new IllegalStateException("unknown command " + command);
    }

    private ErrorCode apply(ChunkCommand.Write write) {
        return applyOnce(
                write.identity(),
                write.offsetBytes(),
                write.data().readableBytes(),
                volume -> blocks.write(volume, write));
    }

    private ErrorCode apply(ChunkCommand.Zero zero) {
        return applyOnce(
                zero.identity(),
                zero.offsetBytes(),
                zero.lengthBytes(),
                volume -> blocks.zero(volume, zero.offsetBytes(), zero.lengthBytes()));
    }

    private ErrorCode applyOnce(
            WriteIdentity identity,
            long offsetBytes,
            long lengthBytes,
            Consumer<VolumeState> effect) {
        Optional<VolumeState> known = changes.tables().volume(identity.volume());
        if (known.isEmpty()) {
            return ErrorCode.NO_SUCH_VOLUME;
        }
        VolumeState volume = known.get();
        if (!volume.volume().serves(identity.slot())) {
            return ErrorCode.WRONG_PG;
        }
        ErrorCode writer = volume.checkWriter(identity.epoch());
        if (writer != ErrorCode.OK) {
            return writer;
        }
        switch (windows.check(identity)) {
            case APPLIED -> {
                return ErrorCode.OK;
            }
            case BELOW -> {
                return ErrorCode.STALE_SEQUENCE;
            }
            case NEW -> {}
        }
        ErrorCode layer = changes.tables().checkHead(volume, identity.head());
        if (layer != ErrorCode.OK) {
            return layer;
        }
        ErrorCode range = volume.checkRange(identity.slot(), offsetBytes, lengthBytes);
        if (range == ErrorCode.OK) {
            effect.accept(volume);
            windows.record(identity);
        }
        return range;
    }
}
