package io.mirach.server.store;

import io.mirach.raft.LogPosition;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.function.BiConsumer;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * The meta group's state on this replica: keys and values, changed together with the log position
 * that changed them. It copies what it is given.
 *
 * <p>Threading: {@link #commit} by one thread at a time, {@link #checkpoint} by one thread at a
 * time, also during a commit; everything else by any thread. Every method may block on the disk,
 * and throws {@link StoreException} if the store failed.
 */
public final class MetaStore implements AutoCloseable {
    // The first byte of every key tells the store's own record from the caller's.
    private static final byte[] POSITION_KEY = {0};
    private static final byte CALLER_PREFIX = 1;

    private final ColumnFamily family;
    private final GroupPosition position;

    MetaStore(ColumnFamily family) {
        this.family = family;
        this.position =
                new GroupPosition(
                        family, family.call("get", (db, handle) -> db.get(handle, POSITION_KEY)));
    }

    /** The position of the newest commit; {@link LogPosition#NONE} in a new store. */
    public LogPosition appliedPosition() {
        return position.applied();
    }

    /** The newest position that a crash certainly leaves. */
    public LogPosition durablePosition() {
        return position.durable();
    }

    /** Bytes committed since the last checkpoint. */
    public long bytesSinceCheckpoint() {
        return position.bytesSinceCheckpoint();
    }

    /** Visits every key with its value, by the order of the keys' UTF-8 bytes, at one moment. */
    public void scanAll(BiConsumer<String, byte[]> visitor) {
        family.callWithSnapshot(
                "scan",
                (db, handle, atSnapshot) -> {
                    try (RocksIterator iterator = db.newIterator(handle, atSnapshot)) {
                        byte[] first = {CALLER_PREFIX};
                        for (iterator.seek(first); iterator.isValid(); iterator.next()) {
                            byte[] key = iterator.key();
                            visitor.accept(
                                    new String(key, 1, key.length - 1, StandardCharsets.UTF_8),
                                    iterator.value());
                        }
                        iterator.status();
                    }
                    return null;
                });
    }

    /**
     * Applies changes as a whole, together with the position. A key in both is put.
     *
     * @param newPosition behind which replay begins; must be beyond {@link #appliedPosition}
     */
    public void commit(
            Map<String, byte[]> puts, Collection<String> deletes, LogPosition newPosition) {
        try (WriteBatch batch = new WriteBatch()) {
            long size =
                    family.call(
                            "commit",
                            (db, handle) -> {
                                for (String key : deletes) {
                                    batch.delete(handle, encode(key));
                                }
                                for (Map.Entry<String, byte[]> put : puts.entrySet()) {
                                    batch.put(handle, encode(put.getKey()), put.getValue());
                                }
                                batch.put(handle, POSITION_KEY, GroupPosition.encode(newPosition));
                                return batch.getDataSize();
                            });
            position.commit(batch, newPosition, size);
        }
    }

    /** Makes everything committed before the call durable; returns the position now durable. */
    public LogPosition checkpoint() {
        return position.checkpoint();
    }

    /** Closes this store, not the data dir. Waits for calls under way. Idempotent. */
    @Override
    public void close() {
        family.close();
    }

    private static byte[] encode(String key) {
        byte[] text = key.getBytes(StandardCharsets.UTF_8);
        byte[] encoded = new byte[text.length + 1];
        encoded[0] = CALLER_PREFIX;
        System.arraycopy(text, 0, encoded, 1, text.length);
        return encoded;
    }
}
