package io.mirach.server.store;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.CompactRangeOptions.BottommostLevelCompaction;
import org.rocksdb.FlushOptions;
import org.rocksdb.MutableColumnFamilyOptions;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.Snapshot;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * One group's column family while it is open. It guards the native handle, which {@link
 * ChunkStores} owns: a call after {@link #close} is a {@link StoreException} and never touches
 * freed memory, and close waits for calls that are under way. Thread-safe.
 */
final class ColumnFamily implements AutoCloseable {
    /** Work on the native objects. */
    interface NativeCall<T> {
        T run(RocksDB db, ColumnFamilyHandle handle) throws RocksDBException;
    }

    private final String name;
    private final RocksDB db;
    private final ColumnFamilyHandle handle;
    private final StoreFailureListener failureListener;
    private final Runnable onClose;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final WriteOptions writeOptions = new WriteOptions().setDisableWAL(true);
    // Waits while compaction is behind instead of adding to the pile.
    private final FlushOptions flushOptions = new FlushOptions().setWaitForFlush(true);
    private final Object compactionLock = new Object();
    private CompactRangeOptions compaction; // under compactionLock; null when none runs
    private final Set<Snapshot> held = ConcurrentHashMap.newKeySet();
    private volatile boolean closing;
    private boolean closed; // under lock

    /**
     * @param failureListener told when the disk fails a call
     */
    ColumnFamily(
            String name,
            RocksDB db,
            ColumnFamilyHandle handle,
            StoreFailureListener failureListener,
            Runnable onClose) {
        this.failureListener = failureListener;
        this.name = name;
        this.db = db;
        this.handle = handle;
        this.onClose = onClose;
    }

    String name() {
        return name;
    }

    /** Runs native work while the handle is certainly open. */
    <T> T call(String what, NativeCall<T> work) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new StoreException(what + " after close of " + name);
            }
            return work.run(db, handle);
        } catch (RocksDBException e) {
            StoreException failure = new StoreException(what + " failed in " + name, e);
            if (e.getStatus() != null && e.getStatus().getCode() == Status.Code.IOError) {
                // What cannot be read here is read from another replica only once this one is gone.
                failureListener.failed("The store failed", failure);
            }
            throw failure;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Keeps the handle open until {@link #leave}, by the same thread. */
    void enter() {
        lock.readLock().lock();
        if (closed) {
            lock.readLock().unlock();
            throw new StoreException("use after close of " + name);
        }
    }

    void leave() {
        lock.readLock().unlock();
    }

    /** Runs native reads that all see the same state. */
    <T> T callWithSnapshot(String what, SnapshotCall<T> work) {
        return call(
                what,
                (openDb, openHandle) -> {
                    Snapshot snapshot = openDb.getSnapshot();
                    try (ReadOptions options = new ReadOptions().setSnapshot(snapshot)) {
                        return work.run(openDb, openHandle, options);
                    } finally {
                        openDb.releaseSnapshot(snapshot);
                    }
                });
    }

    /** Takes a snapshot that stays until {@link #release}, or until this is closed. */
    Snapshot hold() {
        return call(
                "snapshot",
                (openDb, openHandle) -> {
                    Snapshot snapshot = openDb.getSnapshot();
                    held.add(snapshot);
                    return snapshot;
                });
    }

    /** Lets a snapshot go. Idempotent. */
    void release(Snapshot snapshot) {
        // Not while this is being closed, and perhaps all of RocksDB behind it.
        lock.readLock().lock();
        try {
            if (held.remove(snapshot)) {
                db.releaseSnapshot(snapshot);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Native reads under one snapshot. */
    interface SnapshotCall<T> {
        T run(RocksDB db, ColumnFamilyHandle handle, ReadOptions atSnapshot)
                throws RocksDBException;
    }

    /** Applies a batch, whole or not at all; durable only after {@link #flush}. */
    void write(WriteBatch batch) {
        call(
                "write",
                (openDb, openHandle) -> {
                    openDb.write(writeOptions, batch);
                    return null;
                });
    }

    /** Makes everything written before the call durable. Blocks. */
    void flush() {
        call(
                "flush",
                (openDb, openHandle) -> {
                    openDb.flush(flushOptions, openHandle);
                    return null;
                });
    }

    /**
     * Compacts ranges, which drops what was deleted in them. Blocks for as long as it takes; ends
     * early when the column family is closing. (deleteFilesInRanges would be quicker, but RocksDB
     * would not learn which blobs became garbage, and would keep their files.)
     *
     * @param ranges start and end keys in turn
     */
    void compact(List<byte[]> ranges) {
        call(
                "compaction",
                (openDb, openHandle) -> {
                    for (int i = 0; i < ranges.size() && !closing; i += 2) {
                        compact(openDb, openHandle, ranges.get(i), ranges.get(i + 1));
                    }
                    return null;
                });
    }

    /** Compacts everything. Blocks for as long as it takes; ends early when closing. */
    void compactAll() {
        call(
                "compaction",
                (openDb, openHandle) -> {
                    compact(openDb, openHandle, null, null);
                    return null;
                });
    }

    /**
     * Sets what the compactions that begin from now on do about blob files.
     *
     * @param oldestPart of the blob files, from 0 to 1: out of these they move what lives
     */
    void setBlobCollection(boolean enabled, double oldestPart) {
        call(
                "change of blob collection",
                (openDb, openHandle) -> {
                    openDb.setOptions(
                            openHandle,
                            MutableColumnFamilyOptions.builder()
                                    .setEnableBlobGarbageCollection(enabled)
                                    .setBlobGarbageCollectionAgeCutoff(oldestPart)
                                    .build());
                    return null;
                });
    }

    private void compact(RocksDB openDb, ColumnFamilyHandle openHandle, byte[] from, byte[] to)
            throws RocksDBException {
        try (CompactRangeOptions options =
                new CompactRangeOptions()
                        .setExclusiveManualCompaction(false)
                        .setBottommostLevelCompaction(BottommostLevelCompaction.kForceOptimized)) {
            synchronized (compactionLock) {
                if (closing) {
                    return;
                }
                compaction = options;
            }
            try {
                openDb.compactRange(openHandle, from, to, options);
            } catch (RocksDBException e) {
                if (e.getStatus() != null && e.getStatus().getSubCode() == Status.SubCode.NoSpace) {
                    // Not past the failure listener: what is stored is as it was.
                    throw new StoreException("no room for a compaction of " + name, e);
                }
                if (!closing) {
                    throw e;
                }
                // Cut short by cancelCompaction: it runs again after the next start.
            } finally {
                synchronized (compactionLock) {
                    compaction = null;
                }
            }
        }
    }

    private void cancelCompaction() {
        synchronized (compactionLock) {
            closing = true;
            if (compaction != null) {
                compaction.setCanceled(true);
            }
        }
    }

    /** A RocksDB property that is a number. */
    long property(String property) {
        return call(
                "property " + property,
                (openDb, openHandle) -> openDb.getLongProperty(openHandle, property));
    }

    boolean isClosing() {
        return closing;
    }

    /** Waits for calls under way, but cuts compactions short. Idempotent. */
    @Override
    public void close() {
        cancelCompaction();
        lock.writeLock().lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            List.copyOf(held).forEach(this::release);
            writeOptions.close();
            flushOptions.close();
        } finally {
            lock.writeLock().unlock();
        }
        onClose.run();
    }
}
