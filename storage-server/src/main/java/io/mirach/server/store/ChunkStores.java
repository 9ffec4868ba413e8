package io.mirach.server.store;

import io.mirach.raft.LogPosition;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.IndexType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksObject;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * All state of one data dir: one RocksDB, with a column family per placement group and one for the
 * meta group. RocksDB's own log is off, since the Raft log is the write-ahead log: each group is
 * consistent at its own position, and after a crash it is what its last checkpoint (or a flush that
 * RocksDB did by itself) left. Creating and dropping a group is durable at once. Thread-safe.
 */
public final class ChunkStores implements AutoCloseable {
    private static final String CHUNK_PREFIX = "pg-";
    private static final String META_PREFIX = "meta-";

    private static final String DEFAULT_FAMILY = "default";

    private final Path dir;
    private final RocksDB db;
    private final List<RocksObject> nativeOptions = new ArrayList<>();
    private final ColumnFamilyOptions chunkOptions;
    private final ColumnFamilyOptions metaOptions;
    private final SpaceReclaimer reclaimer;
    private final FreeSpace freeSpace;
    private final StoreFailureListener failureListener;
    // Under this.
    private GroupFamilies families;
    private final Map<UUID, StateImport> imports = new HashMap<>();
    // By column family name, RocksDB's own default one included. Under this.
    private final Map<String, ColumnFamilyHandle> handles = new TreeMap<>();
    private final Map<String, ColumnFamily> open = new TreeMap<>();
    private boolean closed;

    private ChunkStores(
            Path dir, StoreMemory memory, FreeSpace freeSpace, StoreFailureListener failureListener)
            throws RocksDBException {
        this.failureListener = failureListener;
        this.dir = dir;
        this.freeSpace = freeSpace;
        this.chunkOptions =
                kept(columnFamilyOptions(memory))
                        .setEnableBlobFiles(true)
                        .setMinBlobSize(1024)
                        .setBlobFileSize(memory.config().blobFileBytes())
                        .setBlobCompressionType(CompressionType.NO_COMPRESSION)
                        // Until GarbageCollection finds cause for it.
                        .setEnableBlobGarbageCollection(false)
                        .setBlobGarbageCollectionForceThreshold(0.5)
                        // Else each block that is moved is a read of its own.
                        .setBlobCompactionReadaheadSize(2 << 20);
        this.metaOptions = kept(columnFamilyOptions(memory));
        List<ColumnFamilyDescriptor> descriptors = new ArrayList<>();
        List<String> names = columnFamilyNames(dir);
        for (String name : names) {
            descriptors.add(descriptor(name));
        }
        List<ColumnFamilyHandle> opened = new ArrayList<>();
        this.db = RocksDB.open(kept(dbOptions(memory)), dir.toString(), descriptors, opened);
        for (int i = 0; i < opened.size(); i++) {
            handles.put(names.get(i), opened.get(i));
        }
        this.families = new GroupFamilies(dir);
        for (String name : names) {
            // A process that died between two steps has left them.
            if (name.startsWith(CHUNK_PREFIX)
                    && !families.isUsed(name.substring(CHUNK_PREFIX.length()))) {
                drop(name, handles.remove(name));
            }
        }
        this.reclaimer = new SpaceReclaimer(dir);
    }

    /** The same without anybody who is told of failures. */
    public static ChunkStores open(Path dir, StoreMemory memory) {
        return open(dir, memory, StoreFailureListener.NONE);
    }

    /** Opens the stores of a data dir, creating them in an empty or missing folder. */
    public static ChunkStores open(
            Path dir, StoreMemory memory, StoreFailureListener failureListener) {
        try {
            Files.createDirectories(dir);
            return open(
                    dir,
                    memory,
                    FreeSpace.of(dir, memory.config().writeBufferBytes()),
                    failureListener);
        } catch (IOException e) {
            throw new StoreException("cannot open the store in " + dir, e);
        }
    }

    /** Takes ownership of {@code freeSpace}. */
    static ChunkStores open(
            Path dir,
            StoreMemory memory,
            FreeSpace freeSpace,
            StoreFailureListener failureListener) {
        try {
            return new ChunkStores(dir, memory, freeSpace, failureListener);
        } catch (RocksDBException e) {
            freeSpace.close();
            throw new StoreException("cannot open the store in " + dir, e);
        }
    }

    /** How much room there is on the disk; never blocks. */
    public Room room() {
        return freeSpace.room();
    }

    /** The placement groups that have state here. */
    public synchronized Set<UUID> chunkGroups() {
        return groups(CHUNK_PREFIX);
    }

    /** The meta groups that have state here: one, or none. */
    public synchronized Set<UUID> metaGroups() {
        return groups(META_PREFIX);
    }

    /** The state of a placement group; empty, and durably there, if it is new. One at a time. */
    public synchronized ChunkStore chunkStore(UUID groupId) {
        String name = CHUNK_PREFIX + families.current(groupId).name();
        return new ChunkStore(open(name), reclaimer, freeSpace);
    }

    /**
     * The state of a placement group that is being brought here beside the one in use; empty, if it
     * was not begun before. Always the same object until it is installed or discarded.
     */
    public synchronized StateImport importOf(UUID groupId) {
        StateImport begun = imports.get(groupId);
        if (begun == null) {
            if (families.importing(groupId).isEmpty()) {
                families = families.withImport(groupId);
            }
            String name = CHUNK_PREFIX + families.importing(groupId).orElseThrow();
            begun = new StateImport(open(name));
            imports.put(groupId, begun);
        }
        return begun;
    }

    /** The groups of which something was imported and not installed. */
    public synchronized Set<UUID> importing() {
        return families.importing();
    }

    /** The position of an import that is whole and waits to be installed. */
    public synchronized Optional<LogPosition> imported(UUID groupId) {
        return families.importing(groupId).isEmpty() ? Optional.empty() : importOf(groupId).whole();
    }

    /**
     * Where the state in use began, if it was imported or handed over; {@link LogPosition#NONE} if
     * not.
     */
    public synchronized LogPosition importedAt(UUID groupId) {
        return families.current(groupId).base();
    }

    /**
     * Puts the import, which is whole, in the place of the state in use, whose store is closed and
     * deleted soon. Durable when it returns; a crash leaves the one or the other.
     *
     * @param before the store of the state in use; no longer to be used
     * @return the new state
     */
    public synchronized ChunkStore install(UUID groupId, ChunkStore before) {
        LogPosition position =
                imported(groupId)
                        .orElseThrow(
                                () -> new StoreException("no import of " + groupId + " is whole"));
        String nameBefore = CHUNK_PREFIX + families.current(groupId).name();
        imports.remove(groupId).close();
        families = families.installed(groupId, position);
        // Whoever installs must not wait for what is under way in it, nor for its files.
        reclaimer.submit(nameBefore, () -> dropLater(nameBefore, before));
        return chunkStore(groupId);
    }

    private void dropLater(String name, ChunkStore store) {
        store.close();
        synchronized (this) {
            if (!closed) {
                drop(name, handles.remove(name));
            }
        }
    }

    /**
     * Makes the state of one group that of another, which has none, as of the position that it is
     * durable at, but for who is admitted: nobody is, until it is said anew. A change of a name,
     * nothing is copied. Neither has an open store. Durable when it returns; a crash leaves it with
     * the one or with the other. No change if it was done before.
     */
    public synchronized void handOver(UUID from, UUID to) {
        requireOpen();
        if (families.isMoved(to)) {
            return;
        }
        discardImport(from);
        if (!handles.containsKey(CHUNK_PREFIX + families.current(from).name())) {
            throw new StoreException("there is no state of " + from + " in " + dir);
        }
        LogPosition position;
        try (ChunkStore store = chunkStore(from)) {
            store.admitNobody();
            position = store.durablePosition();
        }
        families = families.handedOver(from, to, position);
    }

    /** Forgets what was imported of a group, if anything was. */
    public synchronized void discardImport(UUID groupId) {
        families.importing(groupId)
                .ifPresent(
                        importing -> {
                            importOf(groupId).close();
                            imports.remove(groupId);
                            families = families.withoutImport(groupId);
                            String name = CHUNK_PREFIX + importing;
                            drop(name, handles.remove(name));
                        });
    }

    /** The state of the meta group; empty, and durably there, if it is new. One at a time. */
    public synchronized MetaStore metaStore(UUID groupId) {
        return new MetaStore(open(META_PREFIX + groupId));
    }

    /**
     * Removes a group's state for good; its space comes back at once. Its store must be closed.
     * Idempotent.
     */
    public synchronized void drop(UUID groupId) {
        requireOpen();
        discardImport(groupId);
        String chunks = CHUNK_PREFIX + families.current(groupId).name();
        for (String name : List.of(chunks, META_PREFIX + groupId)) {
            if (open.containsKey(name)) {
                throw new StoreException("drop of " + name + " while it is open");
            }
            ColumnFamilyHandle handle = handles.remove(name);
            if (handle != null) {
                drop(name, handle);
            }
        }
        families = families.without(groupId);
    }

    private void drop(String name, ColumnFamilyHandle handle) {
        // The files stay until nothing refers to the column family: neither this handle, nor
        // RocksDB's queue of full memtables, which only the next write looks at.
        try (handle;
                WriteBatch nothing = new WriteBatch();
                WriteOptions options = new WriteOptions().setDisableWAL(true)) {
            db.write(options, nothing);
            db.dropColumnFamily(handle);
        } catch (RocksDBException e) {
            throw new StoreException("cannot drop " + name + " in " + dir, e);
        }
    }

    /** Closes what is open; makes everything durable, if so configured. Idempotent. */
    @Override
    public void close() {
        freeSpace.close();
        reclaimer.stop();
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            List.copyOf(open.values()).forEach(ColumnFamily::close);
        }
        // It may want the lock for its last step.
        reclaimer.awaitEnd();
        synchronized (this) {
            handles.values().forEach(ColumnFamilyHandle::close);
            handles.clear();
            try {
                // close() would swallow the failure of its last flush.
                db.closeE();
            } catch (RocksDBException e) {
                throw new StoreException("cannot close the store in " + dir, e);
            } finally {
                nativeOptions.forEach(RocksObject::close);
            }
        }
    }

    private Set<UUID> groups(String prefix) {
        Set<UUID> groups = new TreeSet<>();
        for (String name : handles.keySet()) {
            if (name.startsWith(prefix)) {
                groups.add(families.owner(name.substring(prefix.length())));
            }
        }
        return groups;
    }

    private ColumnFamily open(String name) {
        requireOpen();
        if (open.containsKey(name)) {
            throw new StoreException(name + " is already open in " + dir);
        }
        ColumnFamilyHandle handle = handles.get(name);
        if (handle == null) {
            try {
                handle = db.createColumnFamily(descriptor(name));
            } catch (RocksDBException e) {
                throw new StoreException("cannot create " + name + " in " + dir, e);
            }
            handles.put(name, handle);
        }
        ColumnFamily family =
                new ColumnFamily(name, db, handle, failureListener, () -> closed(name));
        open.put(name, family);
        return family;
    }

    private synchronized void closed(String name) {
        open.remove(name);
    }

    private void requireOpen() {
        if (closed) {
            throw new StoreException("use after close of the store in " + dir);
        }
    }

    private ColumnFamilyDescriptor descriptor(String name) {
        return new ColumnFamilyDescriptor(
                name.getBytes(StandardCharsets.UTF_8),
                name.startsWith(CHUNK_PREFIX) ? chunkOptions : metaOptions);
    }

    private <T extends RocksObject> T kept(T options) {
        nativeOptions.add(options);
        return options;
    }

    private static List<String> columnFamilyNames(Path dir) throws RocksDBException {
        List<String> names = new ArrayList<>();
        if (Files.exists(dir.resolve("CURRENT"))) {
            try (Options options = new Options()) {
                for (byte[] name : RocksDB.listColumnFamilies(options, dir.toString())) {
                    names.add(new String(name, StandardCharsets.UTF_8));
                }
            }
        } else {
            names.add(DEFAULT_FAMILY);
        }
        return names;
    }

    private DBOptions dbOptions(StoreMemory memory) {
        StoreConfig config = memory.config();
        return new DBOptions()
                .setCreateIfMissing(true)
                .setWriteBufferManager(memory.writeBuffers())
                .setMaxBackgroundJobs(config.backgroundJobs())
                // Each column family has one writer: the thread that applies its log.
                .setAllowConcurrentMemtableWrite(false)
                .setMaxOpenFiles(config.maxOpenFiles())
                .setAvoidFlushDuringShutdown(!config.flushOnClose())
                // Spreads write-back, so that a flush's fsync does not stall the Raft log's.
                .setBytesPerSync(1 << 20)
                .setStatsDumpPeriodSec(0)
                .setStatsPersistPeriodSec(0)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                .setMaxLogFileSize(1 << 20)
                .setKeepLogFileNum(4);
    }

    private ColumnFamilyOptions columnFamilyOptions(StoreMemory memory) {
        BlockBasedTableConfig table =
                new BlockBasedTableConfig()
                        .setBlockCache(memory.blockCache())
                        .setBlockSize(4096)
                        .setFormatVersion(5)
                        .setFilterPolicy(kept(new BloomFilter(10)))
                        .setIndexType(IndexType.kTwoLevelIndexSearch)
                        .setPartitionFilters(true)
                        .setOptimizeFiltersForMemory(true)
                        .setCacheIndexAndFilterBlocks(true)
                        .setCacheIndexAndFilterBlocksWithHighPriority(true)
                        .setPinTopLevelIndexAndFilter(true);
        return new ColumnFamilyOptions()
                .setTableFormatConfig(table)
                .setWriteBufferSize(memory.config().groupWriteBufferBytes())
                .setMaxWriteBufferNumber(3)
                // A flushed file holds keys only and is small: few merges of many files cost less.
                .setLevel0FileNumCompactionTrigger(8)
                .setCompressionType(CompressionType.NO_COMPRESSION)
                // Files of keys are small: 8 MiB stand for about 800 MiB of blocks.
                .setTargetFileSizeBase(8 << 20)
                .setMaxBytesForLevelBase(32 << 20)
                .setLevelCompactionDynamicLevelBytes(true);
    }
}
