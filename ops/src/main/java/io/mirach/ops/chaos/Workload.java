package io.mirach.ops.chaos;

/**
 * Clients at work on a cluster, recording what they see. Its methods are called by one thread and
 * block; the work itself goes on meanwhile.
 */
interface Workload extends AutoCloseable {
    /** Prepares what it needs in a cluster that serves, and starts. */
    void start() throws InterruptedException;

    /**
     * In a cluster that serves again, has all that it works on written and read once more. Fails
     * with {@link ChaosException} if that cannot be done, with {@link PromiseBrokenException} if
     * what is read is wrong.
     */
    void confirmAll() throws InterruptedException;

    /** What a node may have open at the end. */
    default long maxDescriptors() {
        return Footprint.MAX_DESCRIPTORS;
    }

    /** Ends the clients. */
    @Override
    void close();
}
