package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.ratis.peer.PeerAppender;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotResult;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftGroupMemberId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.exceptions.StateMachineException;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.LifeCycle;

/**
 * Drives a {@link ReplicatedStateMachine} with the entries that Ratis commits, on Ratis's updater
 * thread, and passes Ratis's other news on to the group.
 *
 * @param <R> the reply type of the state machine
 */
final class EntryStateMachine<R> extends BaseStateMachine implements PeerAppender.Listener {
    /** What the group hears from Ratis. Called on Ratis's threads, at times under its lock. */
    interface Listener {
        /** The group's division exists, and is about to start with {@code storage}. */
        void initializing(RaftServer server, RaftStorage storage) throws IOException;

        void leaderChanged(RaftPeerId leader);

        /** The first entry of this leader's term is applied. */
        void leaderReady(LogPosition firstEntry);

        void notLeader();

        /** Which of this replica's elections is the newest. */
        long election();

        /** Everything up to {@code index} is applied. */
        void applied(long index);

        /** A configuration was committed; it may be an older one than was known before. */
        void membersCommitted(LogEntryProto configuration) throws IOException;

        /** The leader's log no longer holds what this replica lacks. */
        void lacksEntries(LogPosition firstAvailable);

        /** A follower has answered that it lacks entries which this leader's log no longer has. */
        void followerLacksEntries(RaftPeerId follower);

        /** Ratis made the appender towards a follower; replaces an older one. */
        void addAppender(PeerAppender appender);

        /** This replica cannot go on. */
        void failed(String what, Throwable cause);
    }

    private static final CompletableFuture<Message> DONE =
            CompletableFuture.completedFuture(Message.EMPTY);

    private final ReplicatedStateMachine<R> stateMachine;
    private final Listener listener;
    // No entry is being applied while the state is replaced.
    private final Object applyLock = new Object();
    private final Object checkpointLock = new Object();
    private final Object durableLock = new Object();
    private boolean closed; // Guarded by checkpointLock.
    // Under Ratis's lock of the division.
    private boolean installing;
    private volatile TermIndex applied;
    private volatile TermIndex durable;
    private volatile long entryBytes; // Written by the updater thread only.
    private volatile long entryBytesAtCheckpoint;
    private LogPosition newestConfiguration = LogPosition.NONE; // Confined to the updater thread.

    EntryStateMachine(ReplicatedStateMachine<R> stateMachine, Listener listener) {
        this.stateMachine = stateMachine;
        this.listener = listener;
        this.applied = termIndex(stateMachine.appliedPosition());
        this.durable = termIndex(stateMachine.durablePosition());
    }

    private static TermIndex termIndex(LogPosition position) {
        return TermIndex.valueOf(position.term(), position.index());
    }

    @Override
    public void initialize(RaftServer server, RaftGroupId groupId, RaftStorage storage)
            throws IOException {
        super.initialize(server, groupId, storage);
        run();
        listener.initializing(server, storage);
    }

    private void run() {
        getLifeCycle().transition(LifeCycle.State.STARTING);
        getLifeCycle().transition(LifeCycle.State.RUNNING);
    }

    // ---- Proposing ----

    @Override
    public TransactionContext startTransaction(RaftClientRequest request) throws IOException {
        if (!(request.getMessage() instanceof EntryMessage message)) {
            // Ratis's port also serves its own clients. Their bytes are not entries.
            throw new StateMachineException("only the local proposer appends entries");
        }
        return TransactionContext.newBuilder()
                .setStateMachine(this)
                .setClientRequest(request)
                .setStateMachineContext(message.batch())
                .build();
    }

    @Override
    public TransactionContext preAppendTransaction(TransactionContext transaction)
            throws IOException {
        EntryBatch<?> batch = (EntryBatch<?>) transaction.getStateMachineContext();
        if (batch.election() != listener.election()) {
            throw new StateMachineException("leadership was lost and won again", null, false);
        }
        batch.appending();
        return transaction;
    }

    // ---- Applying, on the updater thread ----

    @Override
    public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
        LogEntryProto entry = transaction.getLogEntry();
        try {
            synchronized (applyLock) {
                if (entry.getIndex() > applied.getIndex()) {
                    apply(transaction, entry);
                }
            }
        } catch (Throwable t) {
            listener.failed("Entry " + entry.getIndex() + " could not be applied", t);
            throw new IllegalStateException("entry " + entry.getIndex() + " not applied", t);
        }
        return DONE;
    }

    private void apply(TransactionContext transaction, LogEntryProto entry) throws IOException {
        ByteString content = entry.getStateMachineLogEntry().getLogData();
        LogPosition position = new LogPosition(entry.getTerm(), entry.getIndex());
        List<ByteBuf> commands =
                EntryFormat.decode(Unpooled.wrappedBuffer(EntryBytes.of(content)).asReadOnly());
        List<R> replies = stateMachine.apply(position, commands);
        if (replies.size() != commands.size()) {
            throw new IllegalStateException(
                    replies.size() + " replies to " + commands.size() + " commands");
        }
        applied = TermIndex.valueOf(entry.getTerm(), entry.getIndex());
        long bytes = entryBytes + content.size();
        entryBytes = bytes;
        if (transaction.getStateMachineContext() instanceof EntryBatch<?> batch) {
            complete(batch, replies);
        }
        listener.applied(entry.getIndex());
    }

    @SuppressWarnings("unchecked") // Only this group's proposer makes its transactions.
    private void complete(EntryBatch<?> batch, List<R> replies) {
        ((EntryBatch<R>) batch).applied(replies);
    }

    @Override
    public void notifyConfigurationChanged(
            long term, long index, RaftConfigurationProto configuration) {
        newestConfiguration = new LogPosition(term, index);
        try {
            listener.membersCommitted(
                    LogEntryProto.newBuilder()
                            .setTerm(term)
                            .setIndex(index)
                            .setConfigurationEntry(configuration)
                            .build());
        } catch (IOException e) {
            listener.failed("The members of entry " + index + " could not be written", e);
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void notifyLeaderReady() {
        // Ratis tells this right after the configuration that begins the leader's term.
        listener.leaderReady(newestConfiguration);
    }

    @Override
    public void notifyTermIndexUpdated(long term, long index) {
        synchronized (applyLock) {
            if (index <= applied.getIndex()) {
                return;
            }
            try {
                stateMachine.skip(new LogPosition(term, index));
            } catch (Throwable t) {
                listener.failed("Entry " + index + " could not be noted", t);
                throw t;
            }
            applied = TermIndex.valueOf(term, index);
        }
        listener.applied(index);
    }

    @Override
    public TermIndex getLastAppliedTermIndex() {
        return applied;
    }

    // ---- Checkpoints ----

    /** Bytes that a checkpoint would spare the next start from replaying. */
    long bytesSinceCheckpoint() {
        return Math.max(stateMachine.bytesSinceCheckpoint(), entryBytes - entryBytesAtCheckpoint);
    }

    /**
     * Makes what is applied durable. Blocks.
     *
     * @return the durable position
     */
    LogPosition checkpoint() {
        synchronized (checkpointLock) {
            if (!closed) {
                entryBytesAtCheckpoint = entryBytes;
                isDurable(stateMachine.checkpoint());
            }
            return durable();
        }
    }

    /** Checkpoints and the installation of a state may end in any order. */
    private void isDurable(LogPosition position) {
        synchronized (durableLock) {
            if (position.index() > durable.getIndex()) {
                durable = termIndex(position);
            }
        }
    }

    LogPosition durable() {
        TermIndex now = durable;
        return new LogPosition(now.getTerm(), now.getIndex());
    }

    LogPosition applied() {
        TermIndex now = applied;
        return new LogPosition(now.getTerm(), now.getIndex());
    }

    /** The host asks for checkpoints and purges the log itself, away from the updater thread. */
    @Override
    public long takeSnapshot() {
        return RaftLog.INVALID_LOG_INDEX;
    }

    @Override
    public SnapshotInfo getLatestSnapshot() {
        TermIndex now = durable;
        return now.getIndex() < 0 ? null : new DurableState(now);
    }

    /** A checkpoint has no files that Ratis could send. */
    private record DurableState(TermIndex termIndex) implements SnapshotInfo {
        @Override
        public TermIndex getTermIndex() {
            return termIndex;
        }

        @Override
        public List<FileInfo> getFiles() {
            return List.of();
        }
    }

    @Override
    public CompletableFuture<TermIndex> notifyInstallSnapshotFromLeader(
            RoleInfoProto role, TermIndex firstAvailable) {
        Optional<LogPosition> imported = stateMachine.imported();
        if (imported.isPresent()
                && imported.get().index() > applied.getIndex()
                && imported.get().index() + 1 >= firstAvailable.getIndex()) {
            installing = true;
            return CompletableFuture.completedFuture(termIndex(imported.get()));
        }
        // A member that is just added is asked to install something whatever it has.
        if (applied.getIndex() + 1 < firstAvailable.getIndex()) {
            listener.lacksEntries(
                    new LogPosition(firstAvailable.getTerm(), firstAvailable.getIndex()));
        }
        // Null: nothing to install yet. A future that stays open would end with its leader.
        return CompletableFuture.completedFuture(null);
    }

    /**
     * Replaces the state, if that is what was just announced. Ratis calls this while nothing is
     * appended, and drops the log up to the import right after. So it must be durable here: a
     * process that died in between would find neither the old log nor the new state.
     */
    @Override
    public void pause() {
        getLifeCycle().transition(LifeCycle.State.PAUSING);
        getLifeCycle().transition(LifeCycle.State.PAUSED);
        if (!installing) {
            return;
        }
        installing = false;
        try {
            synchronized (applyLock) {
                stateMachine.install();
                applied = termIndex(stateMachine.appliedPosition());
                isDurable(stateMachine.durablePosition());
            }
        } catch (Throwable t) {
            listener.failed("An imported state could not be installed", t);
            throw t;
        }
    }

    /** On the updater thread, some time after {@link #pause}. */
    @Override
    public void reinitialize() {
        run();
    }

    @Override
    public void notifySnapshotInstalled(InstallSnapshotResult result, long index, RaftPeer peer) {
        if (result == InstallSnapshotResult.SNAPSHOT_UNAVAILABLE && !peer.getId().equals(getId())) {
            listener.followerLacksEntries(peer.getId());
        }
    }

    // ---- Roles and the end ----

    @Override
    public void addAppender(PeerAppender appender) {
        listener.addAppender(appender);
    }

    @Override
    public void notifyLeaderChanged(RaftGroupMemberId member, RaftPeerId leader) {
        listener.leaderChanged(leader);
    }

    @Override
    public void notifyNotLeader(Collection<TransactionContext> pending) {
        listener.notLeader();
    }

    @Override
    public void notifyLogFailed(Throwable cause, LogEntryProto entry) {
        listener.failed("The log could not be written", cause);
    }

    @Override
    public void close() {
        synchronized (checkpointLock) {
            if (closed) {
                return;
            }
            closed = true;
            stateMachine.close();
        }
    }
}
