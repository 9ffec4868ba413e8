package io.mirach.client;

/**
 * A snapshot that is being read. What would change it fails with READ_ONLY. Once the snapshot is
 * deleted, or its volume, reads fail with NO_SUCH_SNAPSHOT, which is final and also reported to
 * {@link #closed()}.
 */
public interface OpenSnapshot extends VolumeIo, AutoCloseable {
    /** Ends it; what is in flight fails. Nothing in the cluster knows that it was open. */
    @Override
    void close();
}
