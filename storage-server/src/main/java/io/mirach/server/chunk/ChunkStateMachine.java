package io.mirach.server.chunk;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.server.store.ChunkBatch;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.ChunkStores;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StoreException;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
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
    // By the entry under way; of several orders the last, which would replace the others anyway.
    private OptionalLong digestOrdered = OptionalLong.empty();

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
            digestListener.ordered(groupId, digestOrdered.getAsLong(), store.export());
            digestOrdered = OptionalLong.empty();
        }
        return replies;
    }

    @Override
    public void skip(LogPosition position) {
        requireNext(position);
        try (ChunkBatch batch = store.begin()) {
            batch.commit(position);
        }
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
        use(stores.install(groupId, store));
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
            digestOrdered = OptionalLong.of(order.id());
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
