package io.mirach.raft.ratis;

import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;

/**
 * Gathers commands into entries. While an entry is in flight commands queue, and go on together
 * when it is applied, or when enough has gathered for another. Thread-safe; never blocks.
 *
 * @param <R> the reply type of the state machine
 */
final class Proposer<R> {
    /** Where finished batches go. Called by the executor only; may block it. */
    interface EntryLog<R> {
        /**
         * Tries to append; completes {@code batch} sooner or later, whatever happens. Never throws.
         */
        void append(EntryBatch<R> batch);
    }

    /**
     * @param maxEntryBytes a batch is closed at this size
     * @param maxCommandBytes a larger command is an error of the caller
     * @param maxEntriesInFlight submitted and not yet completed
     * @param worthwhileBytes what has to be waiting for a further entry while others are in flight
     * @param maxQueuedBytes commands waiting
     */
    record Limits(
            int maxEntryBytes,
            int maxCommandBytes,
            int maxEntriesInFlight,
            long worthwhileBytes,
            long maxQueuedBytes) {}

    /** What becomes of a command that arrives now. */
    private enum Gate {
        /** Another replica leads, or none. */
        NOT_LEADER,
        /** Elected, but older leases may still hold: commands queue and nothing is submitted. */
        HOLD,
        OPEN,
        CLOSED
    }

    private record Waiting<R>(ByteBuf command, int bytes, CompletableFuture<R> reply) {}

    // What a queued command costs besides its bytes, so that empty commands are bounded too.
    private static final int QUEUE_OVERHEAD_BYTES = 64;

    private final Limits limits;
    private final Executor executor;
    private final EntryLog<R> log;
    private final Supplier<Optional<UUID>> leaderHint;
    private final Runnable drain = this::drain;

    private final Object lock = new Object();
    // All below is guarded by lock.
    private final ArrayDeque<Waiting<R>> queue = new ArrayDeque<>();
    private final Set<EntryBatch<R>> inFlight = new HashSet<>();
    private long queuedBytes;
    private long election;
    private Gate gate = Gate.NOT_LEADER;
    private boolean draining;

    Proposer(
            Limits limits,
            Executor executor,
            EntryLog<R> log,
            Supplier<Optional<UUID>> leaderHint) {
        this.limits = limits;
        this.executor = executor;
        this.log = log;
        this.leaderHint = leaderHint;
    }

    /** See {@link io.mirach.raft.ReplicatedLog#propose}. */
    CompletableFuture<R> propose(ByteBuf command) {
        int bytes = command.readableBytes();
        if (bytes > limits.maxCommandBytes()) {
            command.release();
            throw new IllegalArgumentException(
                    "command of " + bytes + " bytes, at most " + limits.maxCommandBytes());
        }
        CompletableFuture<R> reply = new CompletableFuture<>();
        Reason refused;
        boolean kick = false;
        synchronized (lock) {
            refused = refusal(bytes);
            if (refused == null) {
                queue.add(new Waiting<>(command, bytes, reply));
                queuedBytes += bytes + QUEUE_OVERHEAD_BYTES;
                kick = startDraining();
            }
        }
        if (refused != null) {
            command.release();
            reply.completeExceptionally(refused(refused));
        } else if (kick) {
            kick();
        }
        return reply;
    }

    private Reason refusal(int bytes) {
        return switch (gate) {
            case NOT_LEADER -> Reason.NOT_LEADER;
            case CLOSED -> Reason.NO_SUCH_GROUP;
            case HOLD, OPEN ->
                    queuedBytes + bytes + QUEUE_OVERHEAD_BYTES > limits.maxQueuedBytes()
                            ? Reason.BACK_PRESSURED
                            : null;
        };
    }

    /**
     * Elected: commands queue until {@link #open} with the same {@code election}.
     *
     * @param election which of this replica's elections, so that a late {@code open} of an earlier
     *     one opens nothing
     */
    void hold(long election) {
        synchronized (lock) {
            if (gate != Gate.CLOSED) {
                gate = Gate.HOLD;
                this.election = election;
            }
        }
    }

    /** This replica leads since {@code election} and may answer. */
    void open(long election) {
        boolean kick;
        synchronized (lock) {
            if (gate != Gate.HOLD || this.election != election) {
                return;
            }
            gate = Gate.OPEN;
            kick = startDraining();
        }
        if (kick) {
            kick();
        }
    }

    /**
     * This replica leads no more since {@code election}: what waits is refused. What is in flight
     * is the log's. News of an election before the newest is late and changes nothing.
     */
    void notLeader(long election) {
        List<Waiting<R>> refused;
        synchronized (lock) {
            if (gate == Gate.CLOSED || this.election != election) {
                return;
            }
            gate = Gate.NOT_LEADER;
            refused = takeQueue();
        }
        refuse(refused, Reason.NOT_LEADER);
    }

    /** Accepts nothing more; refuses what waits. */
    void close() {
        List<Waiting<R>> refused;
        synchronized (lock) {
            gate = Gate.CLOSED;
            refused = takeQueue();
        }
        refuse(refused, Reason.NO_SUCH_GROUP);
    }

    /** The log is closed and will complete nothing more: what is left in flight is unknown. */
    void abandon(Throwable cause) {
        close();
        List<EntryBatch<R>> left;
        synchronized (lock) {
            left = new ArrayList<>(inFlight);
        }
        left.forEach(batch -> batch.failed(refused(Reason.NO_SUCH_GROUP), cause));
    }

    RefusedException refused(Reason reason) {
        return new RefusedException(
                reason, reason == Reason.NOT_LEADER ? leaderHint.get() : Optional.empty());
    }

    private List<Waiting<R>> takeQueue() {
        List<Waiting<R>> taken = new ArrayList<>(queue);
        queue.clear();
        queuedBytes = 0;
        return taken;
    }

    private void refuse(List<Waiting<R>> waiting, Reason reason) {
        if (waiting.isEmpty()) {
            return;
        }
        RefusedException refused = refused(reason);
        for (Waiting<R> each : waiting) {
            each.command.release();
            each.reply.completeExceptionally(refused);
        }
    }

    private boolean startDraining() {
        if (draining || gate != Gate.OPEN || queue.isEmpty() || !mayGo()) {
            return false;
        }
        draining = true;
        return true;
    }

    private void kick() {
        try {
            executor.execute(drain);
        } catch (RejectedExecutionException e) {
            // The group is closing; whoever closes it has refused, or will refuse, what waits.
            synchronized (lock) {
                draining = false;
            }
            close();
        }
    }

    private void drain() {
        for (; ; ) {
            List<Waiting<R>> taken = new ArrayList<>();
            long takenIn = take(taken);
            if (taken.isEmpty()) {
                return;
            }
            submit(taken, takenIn);
        }
    }

    private long take(List<Waiting<R>> taken) {
        synchronized (lock) {
            if (gate == Gate.OPEN && mayGo()) {
                int bytes = EntryFormat.HEADER_BYTES;
                for (Waiting<R> next = queue.peek(); next != null; next = queue.peek()) {
                    bytes += EntryFormat.encodedBytes(next.bytes);
                    if (bytes > limits.maxEntryBytes() && !taken.isEmpty()) {
                        break;
                    }
                    queuedBytes -= next.bytes + QUEUE_OVERHEAD_BYTES;
                    taken.add(queue.poll());
                }
            }
            if (taken.isEmpty()) {
                draining = false;
            }
            return election;
        }
    }

    /**
     * An entry costs the same, whatever is in it: while one is in flight, the next waits until it
     * is worth that, or until the one has been applied. Guarded by lock.
     */
    private boolean mayGo() {
        return inFlight.isEmpty()
                || inFlight.size() < limits.maxEntriesInFlight()
                        && queuedBytes >= limits.worthwhileBytes();
    }

    private void submit(List<Waiting<R>> taken, long takenIn) {
        List<CompletableFuture<R>> replies = new ArrayList<>(taken.size());
        List<ByteBuf> commands = new ArrayList<>(taken.size());
        int bytes = EntryFormat.HEADER_BYTES;
        for (Waiting<R> each : taken) {
            replies.add(each.reply);
            commands.add(each.command);
            bytes += EntryFormat.encodedBytes(each.bytes);
        }
        byte[] entry;
        try {
            // A byte[] of its own and not a pooled buffer: the log caches entries, and writes and
            // sends them to followers at times that nobody here learns of.
            entry = new byte[bytes];
            EntryFormat.encode(commands, entry);
        } catch (Throwable t) {
            RuntimeException failure =
                    new OutcomeUnknownException("the commands could not be copied", t);
            replies.forEach(reply -> reply.completeExceptionally(failure));
            return;
        } finally {
            commands.forEach(ByteBuf::release);
        }
        Completion completion = new Completion();
        EntryBatch<R> batch = new EntryBatch<>(entry, takenIn, replies, completion);
        completion.batch = batch;
        synchronized (lock) {
            inFlight.add(batch);
        }
        log.append(batch);
    }

    /** Frees a batch's place and lets the next one go. */
    private final class Completion implements Runnable {
        private EntryBatch<R> batch;

        @Override
        public void run() {
            boolean kick;
            synchronized (lock) {
                inFlight.remove(batch);
                kick = startDraining();
            }
            if (kick) {
                kick();
            }
        }
    }
}
