package io.mirach.server.store;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * Reads every key and value of a placement group's state in use, in hex, from a data dir that is
 * closed. What belongs to one replica only is left out.
 */
public final class StoreDump {
    private StoreDump() {}

    public static Map<String, String> of(Path dir, UUID groupId) {
        String wanted = "pg-" + new GroupFamilies(dir).current(groupId).name();
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        Map<String, String> dump = new TreeMap<>();
        try (Options options = new Options();
                DBOptions dbOptions = new DBOptions()) {
            List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
            for (byte[] name : RocksDB.listColumnFamilies(options, dir.toString())) {
                descriptors.add(new ColumnFamilyDescriptor(name));
            }
            try (RocksDB db =
                    RocksDB.openReadOnly(dbOptions, dir.toString(), descriptors, handles)) {
                for (ColumnFamilyHandle handle : handles) {
                    if (new String(handle.getName(), StandardCharsets.UTF_8).equals(wanted)) {
                        read(db, handle, dump);
                    }
                }
                handles.forEach(ColumnFamilyHandle::close);
            }
        } catch (RocksDBException e) {
            throw new AssertionError("cannot dump " + dir, e);
        }
        return dump;
    }

    private static void read(RocksDB db, ColumnFamilyHandle handle, Map<String, String> dump)
            throws RocksDBException {
        try (RocksIterator iterator = db.newIterator(handle)) {
            for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
                byte[] key = iterator.key();
                if (!ChunkKeys.isRecord(key, ChunkKeys.IMPORT)
                        && !ChunkKeys.isRecord(key, ChunkKeys.RECLAIM)) {
                    dump.put(
                            HexFormat.of().formatHex(key),
                            HexFormat.of().formatHex(iterator.value()));
                }
            }
            iterator.status();
        }
    }
}
