package io.mirach.server.store;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.rocksdb.RocksIterator;

/**
 * The keys of a placement group's column family, all numbers big-endian.
 *
 * <pre>
 * u64 layer, u64 block number          a block; layers are greater than zero
 * u64 0, u8 type, fields of the type   the store's own records
 *   1                                  applied position
 *   2  u64 volume                      {@link VolumeRecord}
 *   3  u64 layer                       {@link LayerRecord}
 *   4  u64 volume, u64 snapshot        {@link SnapshotRecord}
 *   5  u64 volume                      {@link AdmissionRecord}
 *   6  u64 volume, u64 epoch, u8 slot  {@link WriteWindow}
 *   7  u64 layer, u64 extent           {@link ExtentRecord}
 *   126                                {@link ImportRecord}; this replica's own, not replicated
 *   127 u64 layer                      space still to be freed; this replica's own, not replicated
 * </pre>
 */
final class ChunkKeys {
    static final byte POSITION = 1;
    static final byte VOLUME = 2;
    static final byte LAYER = 3;
    static final byte SNAPSHOT = 4;
    static final byte ADMISSION = 5;
    static final byte WINDOW = 6;
    static final byte EXTENT = 7;
    static final byte IMPORT = 126;
    static final byte RECLAIM = 127;

    static final int BLOCK_KEY_BYTES = 16;
    static final int EXTENT_KEY_BYTES = 25;
    private static final int RECORD_PREFIX_BYTES = 9;

    private ChunkKeys() {}

    /** Writes a block's key at the start of {@code key}, and makes it all that is readable. */
    static ByteBuffer block(ByteBuffer key, long layer, long block) {
        return key.clear().putLong(layer).putLong(block).flip();
    }

    static byte[] block(long layer, long block) {
        return ByteBuffer.allocate(BLOCK_KEY_BYTES).putLong(layer).putLong(block).array();
    }

    static byte[] position() {
        return record(POSITION, 0).array();
    }

    static byte[] volume(VolumeId volume) {
        return record(VOLUME, 8).putLong(volume.value()).array();
    }

    static byte[] layer(LayerId layer) {
        return record(LAYER, 8).putLong(layer.value()).array();
    }

    static byte[] snapshot(VolumeId volume, long snapshotId) {
        return record(SNAPSHOT, 16).putLong(volume.value()).putLong(snapshotId).array();
    }

    static byte[] admission(VolumeId volume) {
        return record(ADMISSION, 8).putLong(volume.value()).array();
    }

    static byte[] window(VolumeId volume, Epoch epoch, Slot slot) {
        return record(WINDOW, 17)
                .putLong(volume.value())
                .putLong(epoch.value())
                .put((byte) slot.index())
                .array();
    }

    /** Before all windows of a volume from that epoch on. */
    static byte[] windowsFrom(long volume, long epoch) {
        return record(WINDOW, 16).putLong(volume).putLong(epoch).array();
    }

    static byte[] extent(long layer, long extent) {
        return record(EXTENT, 16).putLong(layer).putLong(extent).array();
    }

    static byte[] importing() {
        return record(IMPORT, 0).array();
    }

    static byte[] reclaim(LayerId layer) {
        return record(RECLAIM, 8).putLong(layer.value()).array();
    }

    /** Before all records of a type. */
    static byte[] first(byte type) {
        return record(type, 0).array();
    }

    static boolean isRecord(byte[] key, byte type) {
        if (key.length < RECORD_PREFIX_BYTES || key[RECORD_PREFIX_BYTES - 1] != type) {
            return false;
        }
        return ByteBuffer.wrap(key).getLong() == 0;
    }

    /** Whether an iterator is at a record of a type. */
    static boolean isAt(RocksIterator iterator, byte type) {
        return iterator.isValid() && isRecord(iterator.key(), type);
    }

    /** Whether it is a record of the tables, or of an extent: what all replicas have alike. */
    static boolean isReplicatedRecord(byte[] key) {
        if (key.length < RECORD_PREFIX_BYTES || ByteBuffer.wrap(key).getLong() != 0) {
            return false;
        }
        byte type = key[RECORD_PREFIX_BYTES - 1];
        return type >= VOLUME && type <= EXTENT;
    }

    /** The order of keys in a column family. */
    static int compare(byte[] key, byte[] other) {
        return Arrays.compareUnsigned(key, other);
    }

    /** The fields behind a record key's type. */
    static ByteBuffer fields(byte[] recordKey) {
        return ByteBuffer.wrap(
                recordKey, RECORD_PREFIX_BYTES, recordKey.length - RECORD_PREFIX_BYTES);
    }

    private static ByteBuffer record(byte type, int fieldBytes) {
        return ByteBuffer.allocate(RECORD_PREFIX_BYTES + fieldBytes).putLong(0).put(type);
    }
}
