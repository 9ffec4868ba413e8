package io.mirach.server.store;

/**
 * Settings of the stores of one process. Defaults stand in {@link #defaults}; together they take
 * about 160 MiB, since `mirach dev` runs three nodes and a gateway on one machine.
 *
 * @param blockCacheBytes cache of keys, indexes and filters, over all data dirs; blocks themselves
 *     are cached by the operating system
 * @param writeBufferBytes unflushed data over all column families and data dirs; beyond it the
 *     fullest column family is flushed
 * @param groupWriteBufferBytes unflushed data of one column family before it is flushed
 * @param blobFileBytes a file of blocks is closed at this size
 * @param backgroundJobs threads per data dir that flush and compact
 * @param maxOpenFiles files that one data dir keeps open
 * @param flushOnClose whether closing makes everything durable; false leaves the state that a
 *     killed process leaves
 */
public record StoreConfig(
        long blockCacheBytes,
        long writeBufferBytes,
        long groupWriteBufferBytes,
        long blobFileBytes,
        int backgroundJobs,
        int maxOpenFiles,
        boolean flushOnClose) {
    private static final long MIB = 1 << 20;

    public StoreConfig {
        if (blockCacheBytes < MIB || writeBufferBytes < MIB || groupWriteBufferBytes < MIB / 16) {
            throw new IllegalArgumentException(
                    "store buffers are too small: cache "
                            + blockCacheBytes
                            + ", write buffers "
                            + writeBufferBytes
                            + " and "
                            + groupWriteBufferBytes
                            + " per group");
        }
        if (blobFileBytes < MIB / 16 || backgroundJobs < 1 || maxOpenFiles < 64) {
            throw new IllegalArgumentException(
                    "store limits are too small: blob file "
                            + blobFileBytes
                            + ", background jobs "
                            + backgroundJobs
                            + ", open files "
                            + maxOpenFiles);
        }
    }

    /** What a node runs with. */
    public static StoreConfig defaults() {
        return new StoreConfig(32 * MIB, 128 * MIB, 64 * MIB, 128 * MIB, 2, 1024, true);
    }
}
