package io.mirach.server.store;

import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * The state of a placement group while it is brought here from another replica, beside the one in
 * use. It comes in rounds: the first brings everything, each later one what changed since, and a
 * round that was read at one log position makes it whole at that position. It survives a restart,
 * and goes on with the extent that it was at. Confined to one thread; blocks on the disk.
 */
public final class StateImport implements AutoCloseable {
    private final ColumnFamily family;
    // Read by any thread.
    private volatile ImportRecord record;
    private BlockSizes sizes;

    StateImport(ColumnFamily family) {
        this.family = family;
        byte[] found = family.call("import", (db, handle) -> db.get(handle, ChunkKeys.importing()));
        this.record =
                found == null
                        ? ImportRecord.NEW
                        : ImportRecord.decode(Unpooled.wrappedBuffer(found));
    }

    /** Everything that changed up to this entry is here; -1 if nothing is. */
    public long since() {
        return record.since();
    }

    /**
     * Where a round goes on that was broken off: with an extent, once the tables have come again;
     * empty at a round's beginning.
     */
    public byte[] next() {
        return record.next();
    }

    /** The position at which the import is whole, durably; empty if it is not. Any thread. */
    public Optional<LogPosition> whole() {
        return record.whole();
    }

    /**
     * From here on pages come from a state as of {@code position}: a round begins, or goes on with
     * another source. Fails if that is behind what is here.
     */
    public void from(LogPosition position) {
        if (position.index() < record.since()) {
            throw new StoreException(
                    "the source is at entry "
                            + position.index()
                            + ", and entry "
                            + record.since()
                            + " is here already");
        }
        record = record.from(position);
        sizes = null;
    }

    /**
     * Takes a page; borrows its entries. Fails if one of them is damaged; nothing is taken then.
     *
     * @param from the key that the page was asked for
     */
    public void add(byte[] from, StatePage page) {
        family.call(
                "import",
                (db, handle) -> {
                    try (WriteBatch batch = new WriteBatch()) {
                        if (from.length == 0) {
                            // All tables come anew with each source.
                            sizes = null;
                            batch.deleteRange(
                                    handle,
                                    ChunkKeys.first(ChunkKeys.VOLUME),
                                    ChunkKeys.first(ChunkKeys.EXTENT));
                        }
                        fill(batch, db, handle, page.entries().slice());
                        ImportRecord now = record.at(resumable(db, handle, page.next()));
                        batch.put(handle, ChunkKeys.importing(), now.encode());
                        family.write(batch);
                        record = now;
                    }
                    return null;
                });
    }

    private void fill(WriteBatch batch, RocksDB db, ColumnFamilyHandle handle, ByteBuf entries)
            throws RocksDBException {
        while (entries.isReadable()) {
            byte[] key = new byte[entries.readUnsignedByte()];
            byte[] value = new byte[entries.readUnsignedShort()];
            entries.readBytes(key).readBytes(value);
            if (StatePage.isBlock(key)) {
                if (!StatePage.isMarker(value) && !StatePage.isIntact(value)) {
                    throw new StoreException("a block was damaged on its way here");
                }
            } else if (ChunkKeys.isRecord(key, ChunkKeys.EXTENT)) {
                deleteWhatWent(batch, db, handle, key, value);
            } else if (!ChunkKeys.isReplicatedRecord(key)) {
                throw new StoreException("a record that belongs to one replica only was sent");
            }
            batch.put(handle, key, value);
        }
    }

    /** Deletes the blocks that an earlier round has brought and the extent no longer has. */
    private void deleteWhatWent(
            WriteBatch batch, RocksDB db, ColumnFamilyHandle handle, byte[] key, byte[] value)
            throws RocksDBException {
        byte[] before = db.get(handle, key);
        if (before == null) {
            return;
        }
        ByteBuffer fields = ChunkKeys.fields(key);
        long layer = fields.getLong();
        int blocksPerExtent = sizes(db, handle).blocksPerExtent(layer);
        long first = fields.getLong() * blocksPerExtent;
        ExtentRecord old = ExtentRecord.decode(Unpooled.wrappedBuffer(before), blocksPerExtent);
        ExtentRecord now = ExtentRecord.decode(Unpooled.wrappedBuffer(value), blocksPerExtent);
        for (int bit = 0; bit < blocksPerExtent; bit++) {
            boolean had = old.isPresent(bit) || old.isZero(bit);
            if (had && !now.isPresent(bit) && !now.isZero(bit)) {
                batch.delete(handle, ChunkKeys.block(layer, first + bit));
            }
        }
    }

    /** The tables come first, so they are known once extents do. */
    private BlockSizes sizes(RocksDB db, ColumnFamilyHandle handle) throws RocksDBException {
        if (sizes == null) {
            try (ReadOptions options = new ReadOptions()) {
                sizes = BlockSizes.read(db, handle, options);
            }
        }
        return sizes;
    }

    /**
     * Where a stream may go on that was broken before {@code next}: another source's extents may
     * have changed, so an extent is taken again from its record on.
     */
    private byte[] resumable(RocksDB db, ColumnFamilyHandle handle, byte[] next)
            throws RocksDBException {
        if (StatePage.isBlock(next)) {
            long layer = StatePage.layer(next);
            long extent = StatePage.block(next) / sizes(db, handle).blocksPerExtent(layer);
            return ChunkKeys.extent(layer, extent);
        }
        boolean further = ChunkKeys.compare(next, record.next()) > 0;
        // The tables come again; what was done of the round stays.
        return ChunkKeys.isRecord(next, ChunkKeys.EXTENT) && further ? next : record.next();
    }

    /**
     * The key to ask for next, once a page is added: what the page says, but a stream that goes on
     * after a break leaves out the extents it has.
     */
    public byte[] following(StatePage page) {
        boolean has =
                page.next().length > 0
                        && !StatePage.isBlock(page.next())
                        && ChunkKeys.isRecord(page.next(), ChunkKeys.EXTENT)
                        && ChunkKeys.compare(page.next(), record.next()) < 0;
        return has ? record.next() : page.next();
    }

    /** Makes durable what came so far. */
    public void checkpoint() {
        family.flush();
    }

    /**
     * Ends a round, once its last page was added. Makes it durable.
     *
     * @return the position at which the import is whole now; empty if another round must come
     */
    public Optional<LogPosition> endRound() {
        family.call(
                "import",
                (db, handle) -> {
                    sizes = null;
                    try (WriteBatch batch = new WriteBatch()) {
                        for (long layer : layersThatWent(db, handle)) {
                            batch.deleteRange(
                                    handle, ChunkKeys.block(layer, 0), ChunkKeys.block(layer, -1L));
                            batch.deleteRange(
                                    handle,
                                    ChunkKeys.extent(layer, 0),
                                    ChunkKeys.extent(layer, -1L));
                        }
                        record = record.ended();
                        if (record.whole().isPresent()) {
                            batch.put(
                                    handle,
                                    ChunkKeys.position(),
                                    GroupPosition.encode(record.whole().get()));
                        }
                        batch.put(handle, ChunkKeys.importing(), record.encode());
                        family.write(batch);
                    }
                    return null;
                });
        family.flush();
        return record.whole();
    }

    private List<Long> layersThatWent(RocksDB db, ColumnFamilyHandle handle)
            throws RocksDBException {
        List<Long> went = new ArrayList<>();
        try (RocksIterator iterator = db.newIterator(handle)) {
            iterator.seek(ChunkKeys.first(ChunkKeys.EXTENT));
            while (ChunkKeys.isAt(iterator, ChunkKeys.EXTENT)) {
                long layer = ChunkKeys.fields(iterator.key()).getLong();
                if (!sizes(db, handle).has(layer)) {
                    went.add(layer);
                }
                iterator.seek(ChunkKeys.extent(layer + 1, 0));
            }
            iterator.status();
        }
        return went;
    }

    ColumnFamily family() {
        return family;
    }

    /** What came so far stays for another time. */
    @Override
    public void close() {
        family.close();
    }
}
