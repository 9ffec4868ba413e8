package io.mirach.client;

import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.atomic.AtomicLong;

/** Reads of a snapshot. Thread-safe. */
final class SnapshotSession extends VolumeSession implements OpenSnapshot {
    private final SnapshotLife life;

    /**
     * @param calls under {@code life}
     * @param abandonedBytes as of the client's other sessions; nothing is written here
     */
    SnapshotSession(
            SnapshotLife life,
            VolumeCalls calls,
            MirachClientConfig config,
            ByteBufAllocator allocator,
            EventExecutor timer,
            AtomicLong abandonedBytes) {
        super(calls, config, allocator, timer, abandonedBytes);
        this.life = life;
    }

    @Override
    public void close() {
        life.ended();
    }
}
