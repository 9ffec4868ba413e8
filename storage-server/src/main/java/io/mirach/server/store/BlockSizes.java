package io.mirach.server.store;

import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/** How many blocks an extent has in each layer, by the tables of one moment. Immutable. */
final class BlockSizes {
    private final Map<Long, Integer> byLayer;

    private BlockSizes(Map<Long, Integer> byLayer) {
        this.byLayer = byLayer;
    }

    static BlockSizes read(RocksDB db, ColumnFamilyHandle handle, ReadOptions options)
            throws RocksDBException {
        Map<VolumeId, Integer> byVolume = new HashMap<>();
        Map<Long, Integer> byLayer = new HashMap<>();
        try (RocksIterator iterator = db.newIterator(handle, options)) {
            iterator.seek(ChunkKeys.first(ChunkKeys.VOLUME));
            for (; ChunkKeys.isAt(iterator, ChunkKeys.VOLUME); iterator.next()) {
                VolumeId volume = new VolumeId(ChunkKeys.fields(iterator.key()).getLong());
                byVolume.put(
                        volume,
                        VolumeRecord.decode(volume, Unpooled.wrappedBuffer(iterator.value()))
                                .blocksPerExtent());
            }
            for (; ChunkKeys.isAt(iterator, ChunkKeys.LAYER); iterator.next()) {
                ByteBuffer fields = ChunkKeys.fields(iterator.key());
                LayerRecord layer =
                        LayerRecord.decode(
                                new LayerId(fields.getLong()),
                                Unpooled.wrappedBuffer(iterator.value()));
                Integer blocksPerExtent = byVolume.get(layer.volume());
                if (blocksPerExtent == null) {
                    throw new StoreException(layer.layer() + " is no volume's here");
                }
                byLayer.put(layer.layer().value(), blocksPerExtent);
            }
            iterator.status();
        }
        return new BlockSizes(byLayer);
    }

    boolean has(long layer) {
        return byLayer.containsKey(layer);
    }

    int blocksPerExtent(long layer) {
        Integer blocks = byLayer.get(layer);
        if (blocks == null) {
            throw new StoreException("layer " + layer + " is not in the table of layers");
        }
        return blocks;
    }
}
