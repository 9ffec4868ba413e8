package io.mirach.server.store;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/** Changes a placement group's state in a data dir that is closed, past every check. */
public final class StoreTampering {
    /** Flips a bit on disk in the block that is filled with a byte. */
    public static void flipABit(Path dir, byte fill) throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".blob")).toList()) {
                byte[] bytes = Files.readAllBytes(file);
                int run = 0;
                for (int at = 0; at < bytes.length; at++) {
                    run = bytes[at] == fill ? run + 1 : 0;
                    if (run == Block.BYTES) {
                        bytes[at - 2000] ^= 4;
                        Files.write(file, bytes);
                        return;
                    }
                }
            }
        }
        throw new AssertionError("no block is filled with " + fill);
    }

    /** What garbage collection does at most: moves all blocks into new files. */
    public static void moveAllBlocks(Path dir, UUID group) {
        change(
                dir,
                group,
                (db, handle) -> {
                    try (CompactRangeOptions options =
                            new CompactRangeOptions()
                                    .setBottommostLevelCompaction(
                                            CompactRangeOptions.BottommostLevelCompaction.kForce)) {
                        db.compactRange(handle, null, null, options);
                    }
                });
    }

    private interface Change {
        void make(RocksDB db, ColumnFamilyHandle handle) throws RocksDBException;
    }

    private StoreTampering() {}

    /** A block gets another value, whose checksum is right. */
    public static void replaceBlock(Path dir, UUID group, LayerId layer, long block, int fill) {
        change(
                dir,
                group,
                (db, handle) ->
                        db.put(handle, ChunkKeys.block(layer.value(), block), value(fill, 0)));
    }

    /** A block gets a value whose checksum is wrong. */
    public static void damageBlock(Path dir, UUID group, LayerId layer, long block) {
        change(
                dir,
                group,
                (db, handle) ->
                        db.put(handle, ChunkKeys.block(layer.value(), block), value(77, 1)));
    }

    /** One of the blocks that there are gets a value whose checksum is wrong, or vanishes. */
    public static void damageRandomBlock(Path dir, UUID group, Random random) {
        change(
                dir,
                group,
                (db, handle) -> {
                    List<byte[]> keys = blocks(db, handle);
                    if (!keys.isEmpty()) {
                        byte[] key = keys.get(random.nextInt(keys.size()));
                        if (random.nextBoolean()) {
                            db.put(handle, key, value(77, 1));
                        } else {
                            db.delete(handle, key);
                        }
                    }
                });
    }

    /** Every block that there is gets a value whose checksum is wrong. */
    public static void damageAllBlocks(Path dir, UUID group) {
        change(
                dir,
                group,
                (db, handle) -> {
                    for (byte[] key : blocks(db, handle)) {
                        db.put(handle, key, value(77, 1));
                    }
                });
    }

    private static List<byte[]> blocks(RocksDB db, ColumnFamilyHandle handle) {
        List<byte[]> keys = new ArrayList<>();
        try (RocksIterator iterator = db.newIterator(handle)) {
            for (iterator.seek(ChunkKeys.block(1, 0)); iterator.isValid(); iterator.next()) {
                keys.add(iterator.key());
            }
        }
        return keys;
    }

    private static byte[] value(int fill, int crcError) {
        ByteBuffer value = ByteBuffer.allocate(BlockValue.BYTES);
        value.position(BlockValue.HEADER_BYTES);
        while (value.hasRemaining()) {
            value.put((byte) fill);
        }
        CRC32C crc = new CRC32C();
        crc.update(value.array(), BlockValue.HEADER_BYTES, Block.BYTES);
        value.put(0, BlockValue.BLOCK).putInt(1, (int) crc.getValue() + crcError);
        return value.array();
    }

    /** {@link #replaceBlock} of the first block that there is. */
    public static void replaceFirstBlock(Path dir, UUID group, int fill) {
        change(dir, group, (db, handle) -> db.put(handle, first(db, handle), value(fill, 0)));
    }

    /** {@link #damageBlock} of the first block that there is. */
    public static void damageFirstBlock(Path dir, UUID group) {
        change(dir, group, (db, handle) -> db.put(handle, first(db, handle), value(77, 1)));
    }

    private static byte[] first(RocksDB db, ColumnFamilyHandle handle) {
        try (RocksIterator iterator = db.newIterator(handle)) {
            iterator.seek(ChunkKeys.block(1, 0));
            while (iterator.isValid() && iterator.value().length != BlockValue.BYTES) {
                iterator.next();
            }
            if (!iterator.isValid()) {
                throw new AssertionError("there is no block");
            }
            return iterator.key();
        }
    }

    public static void removeBlock(Path dir, UUID group, LayerId layer, long block) {
        change(
                dir,
                group,
                (db, handle) -> db.delete(handle, ChunkKeys.block(layer.value(), block)));
    }

    /** The writes of a slot's window are forgotten. */
    public static void removeWindow(Path dir, UUID group, VolumeId volume, Epoch epoch, Slot slot) {
        change(
                dir,
                group,
                (db, handle) -> {
                    byte[] key = ChunkKeys.window(volume, epoch, slot);
                    if (db.get(handle, key) == null) {
                        throw new AssertionError("there is no such window");
                    }
                    db.delete(handle, key);
                });
    }

    private static void change(Path dir, UUID group, Change change) {
        String wanted = "pg-" + new GroupFamilies(dir).current(group).name();
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try (Options options = new Options();
                DBOptions dbOptions = new DBOptions();
                ColumnFamilyOptions families =
                        new ColumnFamilyOptions()
                                .setEnableBlobFiles(true)
                                .setEnableBlobGarbageCollection(true)
                                .setBlobGarbageCollectionAgeCutoff(1);
                FlushOptions flush = new FlushOptions()) {
            List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
            for (byte[] name : RocksDB.listColumnFamilies(options, dir.toString())) {
                descriptors.add(new ColumnFamilyDescriptor(name, families));
            }
            boolean found = false;
            try (RocksDB db = RocksDB.open(dbOptions, dir.toString(), descriptors, handles)) {
                for (ColumnFamilyHandle handle : handles) {
                    if (new String(handle.getName(), StandardCharsets.UTF_8).equals(wanted)) {
                        change.make(db, handle);
                        db.flush(flush, handle);
                        found = true;
                    }
                }
                handles.forEach(ColumnFamilyHandle::close);
            }
            if (!found) {
                throw new AssertionError(dir + " has no " + wanted);
            }
        } catch (RocksDBException e) {
            throw new AssertionError("cannot change " + dir, e);
        }
    }
}
