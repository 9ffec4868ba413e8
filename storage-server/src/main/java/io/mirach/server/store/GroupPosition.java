package io.mirach.server.store;

import io.mirach.raft.LogPosition;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.rocksdb.WriteBatch;

/**
 * Where a column family is in its group's log. {@code applied} moves with every commit and may be
 * lost in a crash; {@code durable} is at or behind what a crash leaves.
 *
 * <p>Threading: one committer and one checkpointer at a time; reads from any thread.
 */
final class GroupPosition {
    private static final byte FORMAT = 1;
    private static final int ENCODED_BYTES = 1 + 8 + 8;

    private final ColumnFamily family;
    private volatile LogPosition applied;
    private volatile LogPosition durable;
    private final AtomicLong committedBytes = new AtomicLong();
    private volatile long committedBytesAtCheckpoint;

    /**
     * @param found the position record, or null in a new column family
     */
    GroupPosition(ColumnFamily family, byte[] found) {
        this.family = family;
        this.applied = decode(family.name(), found);
        // Whatever is there after opening was on disk: RocksDB's own log is off.
        this.durable = applied;
    }

    LogPosition applied() {
        return applied;
    }

    LogPosition durable() {
        return durable;
    }

    long bytesSinceCheckpoint() {
        return committedBytes.get() - committedBytesAtCheckpoint;
    }

    /**
     * Writes a batch, which must hold the record of {@code position}.
     *
     * @param bytes how much it counts towards the next checkpoint
     */
    void commit(WriteBatch batch, LogPosition position, long bytes) {
        if (position.index() <= applied.index() || position.term() < applied.term()) {
            throw new StoreException(
                    "commit at " + position + " behind " + applied + " in " + family.name());
        }
        family.write(batch);
        applied = position;
        committedBytes.addAndGet(bytes);
    }

    /** Flushes; everything applied before the call is durable afterwards. */
    LogPosition checkpoint() {
        LogPosition position = applied;
        long bytes = committedBytes.get();
        family.flush();
        durable = position;
        committedBytesAtCheckpoint = bytes;
        return position;
    }

    static byte[] encode(LogPosition position) {
        return ByteBuffer.allocate(ENCODED_BYTES)
                .put(FORMAT)
                .putLong(position.term())
                .putLong(position.index())
                .array();
    }

    /**
     * @param value null in a column family that nothing was committed to
     */
    static LogPosition decode(String name, byte[] value) {
        if (value == null) {
            return LogPosition.NONE;
        }
        if (value.length != ENCODED_BYTES || value[0] != FORMAT) {
            throw new StoreException(
                    "unreadable position record in " + name + ": format " + value[0]);
        }
        ByteBuffer in = ByteBuffer.wrap(value, 1, value.length - 1);
        return new LogPosition(in.getLong(), in.getLong());
    }
}
