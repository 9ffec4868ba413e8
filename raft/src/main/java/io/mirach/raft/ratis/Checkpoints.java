package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.RaftHostConfig;
import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
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
    private volatile boolean closed;

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

    /** An entry was applied. */
    void applied() {
        if (stateMachine.bytesSinceCheckpoint() >= checkpointBytes
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
        } catch (Throwable t) {
            if (!closed) {
                failed.accept("A checkpoint failed", t);
            }
        } finally {
            scheduled.set(false);
        }
    }

    private void purge(long durableIndex) throws IOException {
        long purgeIndex = LogRetention.purgeIndex(view.logSegments(), durableIndex, retentionBytes);
        RaftLog log = view.log();
        if (purgeIndex >= 0 && log.isOpened() && !closed) {
            log.purge(purgeIndex);
        }
    }
}
