package io.mirach.server.store;

import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * Which column family holds a placement group's state, and which the one that is being imported. A
 * column family cannot be renamed, so an import gets a name of its own, and a pointer in RocksDB's
 * default column family says which is in use:
 *
 * <pre>
 * "current/" group   u8 format (1), u64 term, u64 index of the import, name; missing: the first
 * "import/" group    u8 format (1), u64 0, u64 -1, name; missing: nothing is being imported
 * </pre>
 *
 * Each change is durable, as a whole, when it returns. Guarded by its owner.
 */
final class GroupFamilies {
    private static final String CURRENT = "current/";
    private static final String IMPORT = "import/";
    private static final int FORMAT = 1;
    private static final int GROUP_CHARS = 36;

    /**
     * A column family that holds a group's state.
     *
     * @param name the group, and behind a dot how many came before it, if any
     * @param base the position at which it was imported; NONE if it was not
     */
    record Family(String name, LogPosition base) {}

    private final RocksDB db;
    private final ColumnFamilyHandle pointers;
    private final Map<String, Family> known = new HashMap<>();

    GroupFamilies(RocksDB db, ColumnFamilyHandle pointers) throws RocksDBException {
        this.db = db;
        this.pointers = pointers;
        try (RocksIterator iterator = db.newIterator(pointers)) {
            for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
                known.put(
                        new String(iterator.key(), StandardCharsets.UTF_8),
                        decode(Unpooled.wrappedBuffer(iterator.value())));
            }
            iterator.status();
        }
    }

    /** The group that a family of this name is of. */
    static UUID group(String name) {
        return UUID.fromString(name.substring(0, GROUP_CHARS));
    }

    Family current(UUID groupId) {
        Family first = new Family(groupId.toString(), LogPosition.NONE);
        return known.getOrDefault(CURRENT + groupId, first);
    }

    Optional<String> importing(UUID groupId) {
        return Optional.ofNullable(known.get(IMPORT + groupId)).map(Family::name);
    }

    boolean isUsed(UUID groupId, String familyName) {
        return familyName.endsWith(current(groupId).name())
                || importing(groupId).filter(familyName::endsWith).isPresent();
    }

    void beginImport(UUID groupId) {
        String now = current(groupId).name();
        int before =
                now.length() == GROUP_CHARS ? 0 : Integer.parseInt(now.substring(GROUP_CHARS + 1));
        Family next = new Family(groupId + "." + (before + 1), LogPosition.NONE);
        change(Map.of(IMPORT + groupId, Optional.of(next)));
    }

    void endImport(UUID groupId) {
        change(Map.of(IMPORT + groupId, Optional.empty()));
    }

    /** What was imported is in use from now on. */
    void install(UUID groupId, LogPosition position) {
        Family installed = new Family(importing(groupId).orElseThrow(), position);
        change(
                Map.of(
                        CURRENT + groupId,
                        Optional.of(installed),
                        IMPORT + groupId,
                        Optional.empty()));
    }

    void forget(UUID groupId) {
        if (known.containsKey(CURRENT + groupId) || known.containsKey(IMPORT + groupId)) {
            change(Map.of(CURRENT + groupId, Optional.empty(), IMPORT + groupId, Optional.empty()));
        }
    }

    private void change(Map<String, Optional<Family>> changes) {
        try (WriteBatch batch = new WriteBatch();
                WriteOptions options = new WriteOptions().setDisableWAL(true);
                FlushOptions flush = new FlushOptions().setWaitForFlush(true)) {
            for (Map.Entry<String, Optional<Family>> change : changes.entrySet()) {
                byte[] key = change.getKey().getBytes(StandardCharsets.UTF_8);
                if (change.getValue().isPresent()) {
                    batch.put(pointers, key, encode(change.getValue().get()));
                } else {
                    batch.delete(pointers, key);
                }
            }
            db.write(options, batch);
            // One memtable becomes one file: all of the batch is durable, or none of it.
            db.flush(flush, pointers);
        } catch (RocksDBException e) {
            throw new StoreException("cannot note which column family is in use", e);
        }
        changes.forEach(
                (key, family) ->
                        family.ifPresentOrElse(
                                now -> known.put(key, now), () -> known.remove(key)));
    }

    private static byte[] encode(Family family) {
        ByteBuf out = Unpooled.buffer();
        out.writeByte(FORMAT)
                .writeLong(family.base().term())
                .writeLong(family.base().index())
                .writeBytes(family.name().getBytes(StandardCharsets.UTF_8));
        byte[] encoded = new byte[out.readableBytes()];
        out.readBytes(encoded);
        return encoded;
    }

    private static Family decode(ByteBuf in) {
        return RecordFormat.decode(
                "column family",
                in,
                FORMAT,
                body -> {
                    LogPosition base = new LogPosition(body.readLong(), body.readLong());
                    String name = body.toString(StandardCharsets.UTF_8);
                    body.skipBytes(body.readableBytes());
                    return new Family(name, base);
                });
    }
}
