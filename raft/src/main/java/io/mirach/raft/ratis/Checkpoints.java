package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReplicatedLog.LogPin;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.apache.ratis.server.raftlog.RaftLog;

/**
 * Asks one group's state machine for checkpoints when enough bytes were applied, beside the
 * applying thread, and purges the log behind them. Thread-safe.
 */
final class Checkpoints {
    private final EntryStateMachine<?> stateMachine;
    private final ReplicaView view;
    private final Executor executor;
    private final long checkpointBytes;
    private final long retentionBytes;
    private final BiConsumer<String, Throwable> failed;
    private final AtomicBoolean scheduled = new AtomicBoolean();
    private final Set<Pin> pins = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /**
     * Log beyond what is kept, which earlier lives of this process left: it counts as applied since
     * the last checkpoint, or a node that is restarted often would never purge its log. Negative
     * until it is known.
     */
    private volatile long leftoverBytes = -1;

    /** A part of the log that somebody still needs. */
    private final class Pin implements LogPin {
        private final long index;
        private final LongSupplier maxLogBytes;

        Pin(long index, LongSupplier maxLogBytes) {
            this.index = index;
            this.maxLogBytes = maxLogBytes;
        }

        @Override
        public void close() {
            pins.remove(this);
        }
    }

    /**
     * @param executor where checkpoints are taken; they block
     */
    Checkpoints(
            EntryStateMachine<?> stateMachine,
            ReplicaView view,
            RaftHostConfig config,
            Executor executor,
            BiConsumer<String, Throwable> failed) {
        this.stateMachine = stateMachine;
        this.view = view;
        this.executor = executor;
        this.checkpointBytes = config.checkpointBytes();
        this.retentionBytes = config.logRetentionBytes();
        this.failed = failed;
    }

    /** An entry was applied. Called by one thread. */
    void applied() {
        if (leftoverBytes < 0) {
            leftoverBytes = Math.max(0, view.logBytes() - retentionBytes);
        }
        if (stateMachine.bytesSinceCheckpoint() + leftoverBytes >= checkpointBytes
                && scheduled.compareAndSet(false, true)) {
            try {
                executor.execute(this::run);
            } catch (RejectedExecutionException e) {
                closed = true; // The host is closing; the next start replays a little more.
            }
        }
    }

    void close() {
        closed = true;
    }

    private void run() {
        if (closed) {
            return;
        }
        try {
            LogPosition durable = stateMachine.checkpoint();
            purge(durable.index());
            leftoverBytes = 0;
        } catch (Throwable t) {
            if (!closed) {
                failed.accept("A checkpoint failed", t);
            }
        } finally {
            scheduled.set(false);
        }
    }

    /** See {@link io.mirach.raft.ReplicatedLog#pin}. */
    LogPin pin(long index, LongSupplier maxLogBytes) {
        Pin pin = new Pin(index, maxLogBytes);
        pins.add(pin);
        return pin;
    }

    private void purge(long durableIndex) throws IOException {
        List<LogRetention.Segment> segments = view.logSegments();
        long purgeIndex = LogRetention.purgeIndex(segments, durableIndex, retentionBytes);
        long logBytes = segments.stream().mapToLong(LogRetention.Segment::bytes).sum();
        for (Pin pin : pins) {
            if (logBytes > Math.max(retentionBytes, pin.maxLogBytes.getAsLong())) {
                pins.remove(pin);
            } else {
                purgeIndex = Math.min(purgeIndex, pin.index);
            }
        }
        RaftLog log = view.log();
        if (purgeIndex >= 0 && log.isOpened() && !closed) {
            log.purge(purgeIndex);
        }
    }
}
