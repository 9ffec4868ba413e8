package io.mirach.server.store;

import io.mirach.model.BlockRange;
import io.mirach.model.LayerId;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;

/**
 * Walks the extent records of a chain of layers side by side and gathers the runs of blocks that
 * are not holes. Costs by the records that there are, not by the length of the range.
 */
final class AllocationScan {
    // Records of trimmed extents give no runs: bound the work of one call nevertheless.
    private static final int MAX_EXTENTS = 16 << 10;

    private final int blocksPerExtent;
    private final BlockRange range;
    private final int maxRuns;
    private final List<BlockRange> runs = new ArrayList<>();
    // The run that grows; empty at first.
    private long runFirst;
    private long runEnd;

    private AllocationScan(int blocksPerExtent, BlockRange range, int maxRuns) {
        this.blocksPerExtent = blocksPerExtent;
        this.range = range;
        this.maxRuns = maxRuns;
    }

    static AllocatedRuns run(
            ColumnFamily family,
            List<LayerId> chain,
            int blocksPerExtent,
            BlockRange range,
            int maxRuns) {
        if (maxRuns < 1) {
            throw new IllegalArgumentException("at most " + maxRuns + " runs");
        }
        if (range.blockCount() == 0) {
            return new AllocatedRuns(range.endBlock(), List.of());
        }
        return family.callWithSnapshot(
                "scan of extents",
                (db, handle, atSnapshot) ->
                        new AllocationScan(blocksPerExtent, range, maxRuns)
                                .scan(db, handle, atSnapshot, chain));
    }

    /** One layer's extent records within the range. */
    private static final class Cursor implements AutoCloseable {
        private final Slice end;
        private final RocksIterator iterator;

        Cursor(
                RocksDB db,
                ColumnFamilyHandle handle,
                ReadOptions atSnapshot,
                LayerId layer,
                long firstExtent,
                long endExtent) {
            this.end = new Slice(ChunkKeys.extent(layer.value(), endExtent));
            // The iterator keeps what it needs of the options.
            try (ReadOptions options = new ReadOptions(atSnapshot)) {
                options.setIterateUpperBound(end);
                this.iterator = db.newIterator(handle, options);
            }
            iterator.seek(ChunkKeys.extent(layer.value(), firstExtent));
        }

        /** The extent it stands at, or Long.MAX_VALUE at the end. */
        long extent() throws RocksDBException {
            if (iterator.isValid()) {
                ByteBuffer fields = ChunkKeys.fields(iterator.key());
                return fields.getLong(fields.position() + Long.BYTES);
            }
            iterator.status();
            return Long.MAX_VALUE;
        }

        ExtentRecord next(int blocksPerExtent) {
            byte[] value = iterator.value();
            iterator.next();
            return ExtentRecord.decode(Unpooled.wrappedBuffer(value), blocksPerExtent);
        }

        @Override
        public void close() {
            iterator.close();
            end.close();
        }
    }

    private AllocatedRuns scan(
            RocksDB db, ColumnFamilyHandle handle, ReadOptions atSnapshot, List<LayerId> chain)
            throws RocksDBException {
        long firstExtent = range.firstBlock() / blocksPerExtent;
        long endExtent = (range.endBlock() - 1) / blocksPerExtent + 1;
        List<Cursor> cursors = new ArrayList<>();
        try {
            for (LayerId layer : chain) {
                cursors.add(new Cursor(db, handle, atSnapshot, layer, firstExtent, endExtent));
            }
            for (int visited = 0; ; visited++) {
                long extent = Long.MAX_VALUE;
                for (Cursor cursor : cursors) {
                    extent = Math.min(extent, cursor.extent());
                }
                if (extent == Long.MAX_VALUE) {
                    return finish(range.endBlock());
                }
                if (visited == MAX_EXTENTS) {
                    return finish(extent * blocksPerExtent);
                }
                Bitmap allocated = merge(cursors, extent);
                if (!add(extent * blocksPerExtent, allocated)) {
                    // The run that did not fit any more is the first thing not covered.
                    return new AllocatedRuns(runFirst, runs);
                }
            }
        } finally {
            cursors.forEach(Cursor::close);
        }
    }

    /** What the chain has of an extent; every cursor at it moves on. */
    private Bitmap merge(List<Cursor> cursors, long extent) throws RocksDBException {
        Bitmap allocated = new Bitmap(blocksPerExtent);
        Bitmap decided = new Bitmap(blocksPerExtent);
        for (Cursor cursor : cursors) {
            if (cursor.extent() == extent) {
                ExtentRecord extentRecord = cursor.next(blocksPerExtent);
                allocated.addAllExcept(extentRecord.present(), decided);
                decided.addAll(extentRecord.present());
                decided.addAll(extentRecord.zero());
            }
        }
        return allocated;
    }

    /** Adds an extent's runs; false as soon as there are too many. */
    private boolean add(long firstBlockOfExtent, Bitmap allocated) {
        for (int bit = allocated.nextSet(0); bit < blocksPerExtent; ) {
            int end = allocated.nextClear(bit);
            long from = Math.max(firstBlockOfExtent + bit, range.firstBlock());
            long until = Math.min(firstBlockOfExtent + end, range.endBlock());
            if (from < until && !add(from, until)) {
                return false;
            }
            bit = allocated.nextSet(end);
        }
        return true;
    }

    private boolean add(long from, long until) {
        if (runEnd == from && runEnd > runFirst) {
            runEnd = until;
            return true;
        }
        closeRun();
        runFirst = from;
        runEnd = until;
        return runs.size() < maxRuns;
    }

    private void closeRun() {
        if (runEnd > runFirst) {
            runs.add(new BlockRange(runFirst, runEnd - runFirst));
        }
    }

    private AllocatedRuns finish(long coveredEndBlock) {
        closeRun();
        return new AllocatedRuns(coveredEndBlock, runs);
    }
}
