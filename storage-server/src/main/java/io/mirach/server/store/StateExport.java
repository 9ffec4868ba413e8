package io.mirach.server.store;

import io.mirach.model.LayerId;
import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.Snapshot;

/**
 * The state of a placement group as it was at one log position, to be read piece by piece. While it
 * is open, the disk keeps what has been overwritten since. Thread-safe; reading blocks on the disk.
 */
public final class StateExport implements AutoCloseable {
    private final ColumnFamily family;
    private final Snapshot snapshot;
    private final LogPosition position;
    private final BlockSizes sizes;

    StateExport(ColumnFamily family) {
        this.family = family;
        this.snapshot = family.hold();
        try {
            this.position =
                    reading(
                            (db, handle, options) ->
                                    GroupPosition.decode(
                                            family.name(),
                                            db.get(handle, options, ChunkKeys.position())));
            this.sizes = reading(BlockSizes::read);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** The newest entry whose effects are in it. */
    public LogPosition position() {
        return position;
    }

    /** Blocks and markers in the extents that changed after the entry {@code since}. */
    public long countBlocks(long since) {
        return reading(
                (db, handle, options) -> {
                    long count = 0;
                    try (RocksIterator iterator = db.newIterator(handle, options)) {
                        iterator.seek(ChunkKeys.first(ChunkKeys.EXTENT));
                        for (; ChunkKeys.isAt(iterator, ChunkKeys.EXTENT); iterator.next()) {
                            ExtentRecord extent = extent(iterator);
                            if (extent.lastChangedIndex() > since) {
                                count += extent.present().cardinality();
                                count += extent.zero().cardinality();
                            }
                        }
                        iterator.status();
                    }
                    return count;
                });
    }

    /**
     * Reads a page.
     *
     * @param from empty at the beginning, else what the page before said is next
     * @param since extents that did not change after this entry are left out; -1 leaves out none
     * @param maxBytes of entries
     * @throws DamagedBlockException if a block is not intact here
     */
    public StatePage read(byte[] from, long since, int maxBytes, ByteBufAllocator allocator) {
        return read(
                from,
                since,
                maxBytes,
                allocator,
                damage -> {
                    throw damage;
                });
    }

    /**
     * The same, but blocks that are not intact are left out, and told of. So is each that lies in
     * an extent whose record does not have it.
     */
    public StatePage read(
            byte[] from,
            long since,
            int maxBytes,
            ByteBufAllocator allocator,
            Consumer<DamagedBlockException> damaged) {
        ByteBuf entries = allocator.directBuffer(maxBytes);
        try {
            byte[] next =
                    reading(
                            (db, handle, options) -> {
                                try (PageReader reader =
                                        new PageReader(
                                                db, handle, options, since, entries, maxBytes,
                                                damaged)) {
                                    return reader.readFrom(from);
                                }
                            });
            return new StatePage(next, entries);
        } catch (RuntimeException e) {
            entries.release();
            throw e;
        }
    }

    private <T> T reading(ColumnFamily.SnapshotCall<T> work) {
        return family.call(
                "export",
                (db, handle) -> {
                    // What is read is not what clients read: the cache is theirs.
                    try (ReadOptions options =
                            new ReadOptions().setSnapshot(snapshot).setFillCache(false)) {
                        return work.run(db, handle, options);
                    }
                });
    }

    private ExtentRecord extent(RocksIterator atRecord) {
        long layer = ChunkKeys.fields(atRecord.key()).getLong();
        return ExtentRecord.decode(
                Unpooled.wrappedBuffer(atRecord.value()), sizes.blocksPerExtent(layer));
    }

    @Override
    public void close() {
        family.release(snapshot);
    }

    /** Fills one page. */
    private final class PageReader implements AutoCloseable {
        private final RocksDB db;
        private final ColumnFamilyHandle handle;
        private final ReadOptions options;
        private final long since;
        private final ByteBuf entries;
        private final int maxBytes;
        private final Consumer<DamagedBlockException> damaged;
        private final RocksIterator records;

        PageReader(
                RocksDB db,
                ColumnFamilyHandle handle,
                ReadOptions options,
                long since,
                ByteBuf entries,
                int maxBytes,
                Consumer<DamagedBlockException> damaged) {
            this.db = db;
            this.handle = handle;
            this.options = options;
            this.since = since;
            this.entries = entries;
            this.maxBytes = maxBytes;
            this.damaged = damaged;
            this.records = db.newIterator(handle, options);
        }

        /** Returns what comes next; empty at the end. */
        byte[] readFrom(byte[] from) throws RocksDBException {
            boolean isBlock = StatePage.isBlock(from);
            if (isBlock) {
                byte[] rest = restOfExtent(StatePage.layer(from), StatePage.block(from));
                if (rest.length > 0) {
                    return rest;
                }
            } else {
                records.seek(from.length == 0 ? ChunkKeys.first(ChunkKeys.VOLUME) : from);
            }
            for (; isRecord(); records.next()) {
                byte[] key = records.key();
                byte[] value = records.value();
                boolean isExtent = ChunkKeys.isRecord(key, ChunkKeys.EXTENT);
                if (isExtent && !ChunkKeys.isRecord(from, ChunkKeys.EXTENT) && !isBlock) {
                    return key; // Tables and extents never share a page.
                }
                if (isExtent && extent(records).lastChangedIndex() <= since) {
                    continue;
                }
                if (!fits(key, value)) {
                    return key;
                }
                StatePage.put(entries, key, value);
                if (isExtent) {
                    byte[] rest = blocks(key, 0);
                    if (rest.length > 0) {
                        return rest;
                    }
                }
            }
            records.status();
            return new byte[0];
        }

        private boolean isRecord() {
            return records.isValid() && ChunkKeys.isReplicatedRecord(records.key());
        }

        private boolean fits(byte[] key, byte[] value) {
            return entries.readableBytes() + StatePage.size(key, value) <= maxBytes;
        }

        /** Goes on in the middle of an extent, and leaves the records at the one behind it. */
        private byte[] restOfExtent(long layer, long block) throws RocksDBException {
            int blocksPerExtent = sizes.blocksPerExtent(layer);
            byte[] record = ChunkKeys.extent(layer, block / blocksPerExtent);
            records.seek(record);
            byte[] rest = blocks(record, (int) (block % blocksPerExtent));
            records.next();
            return rest;
        }

        /** Adds the blocks that the record, where the records are, names. */
        private byte[] blocks(byte[] recordKey, int from) throws RocksDBException {
            ByteBuffer fields = ChunkKeys.fields(recordKey);
            long layer = fields.getLong();
            int blocksPerExtent = sizes.blocksPerExtent(layer);
            long first = fields.getLong() * blocksPerExtent;
            ExtentRecord extent = extent(records);
            try (Slice end = new Slice(ChunkKeys.block(layer, first + blocksPerExtent));
                    ReadOptions bounded =
                            new ReadOptions(options)
                                    .setSnapshot(snapshot)
                                    .setIterateUpperBound(end);
                    RocksIterator values = db.newIterator(handle, bounded)) {
                BlockRun run = new BlockRun(layer, first, values);
                run.seek(from);
                for (int bit = next(extent, from); bit < blocksPerExtent; ) {
                    byte[] value = run.value(bit);
                    byte[] key = ChunkKeys.block(layer, first + bit);
                    if (!fits(key, value)) {
                        return key;
                    }
                    if (isAsRecorded(extent, bit, value)) {
                        StatePage.put(entries, key, value);
                    } else {
                        damaged.accept(
                                new DamagedBlockException(
                                        new LayerId(layer),
                                        first + bit,
                                        value.length > 0
                                                ? "is not intact"
                                                : "is not there, or not readable"));
                    }
                    bit = next(extent, bit + 1);
                }
                run.end();
            }
            return new byte[0];
        }

        private boolean isAsRecorded(ExtentRecord extent, int bit, byte[] value) {
            return StatePage.isAsRecorded(extent.isPresent(bit), extent.isZero(bit), value);
        }

        private int next(ExtentRecord extent, int from) {
            return Math.min(extent.present().nextSet(from), extent.zero().nextSet(from));
        }

        /** The values of one extent in turn, by an iterator for as long as it can read. */
        private final class BlockRun {
            private final long layer;
            private final long first;
            private final RocksIterator values;
            private boolean unreadable;

            BlockRun(long layer, long first, RocksIterator values) {
                this.layer = layer;
                this.first = first;
                this.values = values;
            }

            void seek(int bit) throws RocksDBException {
                values.seek(ChunkKeys.block(layer, first + bit));
                check();
            }

            /** An iterator stops at a value that it cannot read; what comes behind may be whole. */
            private void check() throws RocksDBException {
                try {
                    values.status();
                } catch (RocksDBException e) {
                    if (!StoreException.isCorruption(e)) {
                        throw e;
                    }
                    unreadable = true;
                }
            }

            /** Empty if there is none, or none that can be read. */
            byte[] value(int bit) throws RocksDBException {
                byte[] key = ChunkKeys.block(layer, first + bit);
                passUntil(key);
                if (unreadable) {
                    return get(key);
                }
                if (!values.isValid() || ChunkKeys.compare(values.key(), key) > 0) {
                    return new byte[0];
                }
                byte[] value = values.value();
                values.next();
                check();
                return value;
            }

            void end() throws RocksDBException {
                passUntil(ChunkKeys.block(layer, -1L));
            }

            private void passUntil(byte[] key) throws RocksDBException {
                while (!unreadable
                        && values.isValid()
                        && ChunkKeys.compare(values.key(), key) < 0) {
                    damaged.accept(
                            new DamagedBlockException(
                                    new LayerId(layer),
                                    StatePage.block(values.key()),
                                    "is stored, but not in its extent's record"));
                    values.next();
                    check();
                }
            }

            private byte[] get(byte[] key) throws RocksDBException {
                try {
                    byte[] value = db.get(handle, options, key);
                    return value == null ? new byte[0] : value;
                } catch (RocksDBException e) {
                    if (!StoreException.isCorruption(e)) {
                        throw e;
                    }
                    return new byte[0];
                }
            }
        }

        @Override
        public void close() {
            records.close();
        }
    }
}
