package io.mirach.server.store;

import io.mirach.model.LayerId;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.OptionalLong;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;

/**
 * How many blocks with a value a stretch of a layer has.
 *
 * @param nextExtent where to go on counting; empty at the layer's end
 */
public record PresentCount(long blocks, OptionalLong nextExtent) {
    static PresentCount of(
            ColumnFamily family,
            LayerId layer,
            int blocksPerExtent,
            long fromExtent,
            int maxRecords) {
        return family.call(
                "count of blocks",
                (db, handle) -> count(db, handle, layer, blocksPerExtent, fromExtent, maxRecords));
    }

    private static PresentCount count(
            RocksDB db,
            ColumnFamilyHandle handle,
            LayerId layer,
            int blocksPerExtent,
            long fromExtent,
            int maxRecords)
            throws RocksDBException {
        long blocks = 0;
        // What is counted is not what clients read: leave the cache to them.
        try (Slice end = new Slice(ChunkKeys.extent(layer.value(), -1L));
                ReadOptions options =
                        new ReadOptions().setIterateUpperBound(end).setFillCache(false);
                RocksIterator iterator = db.newIterator(handle, options)) {
            iterator.seek(ChunkKeys.extent(layer.value(), fromExtent));
            for (int visited = 0; iterator.isValid(); visited++) {
                if (visited == maxRecords) {
                    ByteBuffer fields = ChunkKeys.fields(iterator.key());
                    long extent = fields.getLong(fields.position() + Long.BYTES);
                    return new PresentCount(blocks, OptionalLong.of(extent));
                }
                blocks +=
                        ExtentRecord.decode(
                                        Unpooled.wrappedBuffer(iterator.value()), blocksPerExtent)
                                .present()
                                .cardinality();
                iterator.next();
            }
            iterator.status();
        }
        return new PresentCount(blocks, OptionalLong.empty());
    }
}
