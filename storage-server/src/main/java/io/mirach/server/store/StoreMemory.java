package io.mirach.server.store;

import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.WriteBufferManager;

/**
 * The memory that all data dirs of a process share, so that the process stays bounded whatever the
 * number of dirs and groups. Thread-safe. Close it after the {@link ChunkStores} that use it.
 */
public final class StoreMemory implements AutoCloseable {
    static {
        RocksLibrary.load();
    }

    private final StoreConfig config;
    private final Cache blockCache;
    private final Cache writeBufferAccount;
    private final WriteBufferManager writeBuffers;

    public StoreMemory(StoreConfig config) {
        this.config = config;
        this.blockCache = new LRUCache(config.blockCacheBytes(), -1, false, 0.5);
        // The Java binding wants a cache to charge write buffers to. A cache of its own keeps a
        // burst of writes from emptying the block cache.
        this.writeBufferAccount = new LRUCache(config.writeBufferBytes());
        this.writeBuffers =
                new WriteBufferManager(config.writeBufferBytes(), writeBufferAccount, false);
    }

    StoreConfig config() {
        return config;
    }

    Cache blockCache() {
        return blockCache;
    }

    WriteBufferManager writeBuffers() {
        return writeBuffers;
    }

    @Override
    public void close() {
        writeBuffers.close();
        writeBufferAccount.close();
        blockCache.close();
    }
}
