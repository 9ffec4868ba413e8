package io.mirach.server.chunk;

import io.mirach.protocol.data.WriteRequest;

/**
 * Limits of a node's {@link ChunkService}. Defaults stand in {@link #defaults}.
 *
 * @param maxWriteBytesInFlight data of writes per placement group between their arrival and their
 *     answer; beyond it they are refused with BACK_PRESSURED
 * @param readerThreads threads that read from the stores
 * @param maxQueuedReads reads that wait for such a thread; beyond it they are refused with
 *     BACK_PRESSURED
 */
public record ChunkServiceConfig(
        long maxWriteBytesInFlight, int readerThreads, int maxQueuedReads) {
    public ChunkServiceConfig {
        if (maxWriteBytesInFlight < WriteRequest.MAX_BYTES) {
            throw new IllegalArgumentException(
                    "write bytes in flight must admit one write: " + maxWriteBytesInFlight);
        }
        if (readerThreads < 1 || maxQueuedReads < 1) {
            throw new IllegalArgumentException(
                    readerThreads + " reader threads, queue of " + maxQueuedReads);
        }
    }

    /** What a node runs with. */
    public static ChunkServiceConfig defaults() {
        return new ChunkServiceConfig(
                32 << 20, Math.max(2, Runtime.getRuntime().availableProcessors()), 2048);
    }
}
