package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.RefusedException;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.netty.buffer.ByteBuf;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A placement group that this node serves: its log, its state, and what is under way in it. */
final class ServedGroup {
    private static final Logger LOG = LoggerFactory.getLogger(ServedGroup.class);

    private final PlacementGroupId id;
    private final ReplicatedLog<ChunkReply> log;
    private final ChunkStateMachine machine;
    private final long maxBytesInFlight;
    private final AtomicLong bytesInFlight = new AtomicLong();
    private final Map<LayerId, CompletableFuture<Void>> seals = new ConcurrentHashMap<>();
    private final AtomicBoolean steppingAside = new AtomicBoolean();

    ServedGroup(
            PlacementGroupId id,
            ReplicatedLog<ChunkReply> log,
            ChunkStateMachine machine,
            long maxBytesInFlight) {
        this.id = id;
        this.log = log;
        this.machine = machine;
        this.maxBytesInFlight = maxBytesInFlight;
    }

    PlacementGroupId id() {
        return id;
    }

    ChunkStateMachine machine() {
        return machine;
    }

    /** Takes ownership of a command and logs it; fails with MirachException. */
    CompletableFuture<Void> propose(ByteBuf command) {
        long size = command.readableBytes();
        if (bytesInFlight.addAndGet(size) > maxBytesInFlight && bytesInFlight.get() > size) {
            bytesInFlight.addAndGet(-size);
            command.release();
            return CompletableFuture.failedFuture(
                    new MirachException(
                            ErrorCode.BACK_PRESSURED, "too many writes are in flight in " + id));
        }
        CompletableFuture<Void> outcome = new CompletableFuture<>();
        log.propose(command)
                .whenComplete(
                        (reply, failure) -> {
                            bytesInFlight.addAndGet(-size);
                            if (failure != null) {
                                outcome.completeExceptionally(refusal(failure, true));
                            } else if (reply.code() != ErrorCode.OK) {
                                outcome.completeExceptionally(
                                        new MirachException(
                                                reply.code(), id + " refused the command"));
                            } else {
                                outcome.complete(null);
                            }
                        });
        return outcome;
    }

    /** Whether this replica leads, as far as it knows. */
    boolean leads() {
        return log.status().role() == ReplicaStatus.Role.LEADER;
    }

    /**
     * Has a head sealed, once for all that wait for it at the same time. Completes, never fails:
     * what was asked for is judged by the tables as they are then.
     *
     * @param seal proposes it
     */
    CompletableFuture<Void> sealOnce(LayerId newHead, Supplier<CompletableFuture<Void>> seal) {
        CompletableFuture<Void> mine = new CompletableFuture<>();
        CompletableFuture<Void> underWay = seals.putIfAbsent(newHead, mine);
        if (underWay != null) {
            return underWay;
        }
        seal.get()
                .whenComplete(
                        (done, failure) -> {
                            seals.remove(newHead, mine);
                            if (failure != null) {
                                LOG.info("{} does not seal below {} yet", id, newHead, failure);
                            }
                            mine.complete(null);
                        });
        return mine;
    }

    /** Completes when this replica may answer reads; fails with MirachException. */
    CompletableFuture<Void> readable(boolean strict) {
        return log.readable(strict)
                .exceptionally(
                        failure -> {
                            throw refusal(failure, false);
                        });
    }

    /** Lets the replica that is furthest lead instead: it may have what is damaged here. */
    void stepAside() {
        ReplicaStatus status = log.status();
        if (status.role() != ReplicaStatus.Role.LEADER
                || !steppingAside.compareAndSet(false, true)) {
            return;
        }
        status.successor()
                .map(log::transferLeadership)
                .orElseGet(() -> CompletableFuture.completedFuture(null))
                .whenComplete(
                        (done, failure) -> {
                            steppingAside.set(false);
                            if (failure != null) {
                                LOG.warn("{} cannot hand leadership over", id, failure);
                            }
                        });
    }

    /**
     * @param mayHaveEffect whether a failure that says nothing else leaves the outcome open
     */
    private MirachException refusal(Throwable failure, boolean mayHaveEffect) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        if (cause instanceof RefusedException refused) {
            return switch (refused.reason()) {
                case NOT_LEADER -> MirachException.notLeader(refused.leaderHint());
                case NOT_READY ->
                        new MirachException(
                                ErrorCode.NOT_READY, "the new leader of " + id + " still waits");
                case BACK_PRESSURED ->
                        new MirachException(
                                ErrorCode.BACK_PRESSURED, "the log of " + id + " is busy");
                case NO_SUCH_GROUP ->
                        new MirachException(
                                ErrorCode.NO_SUCH_PLACEMENT_GROUP, id + " is not served here");
            };
        }
        if (cause instanceof OutcomeUnknownException || mayHaveEffect) {
            if (!(cause instanceof OutcomeUnknownException)) {
                LOG.error("a command of {} failed", id, cause);
            }
            return new MirachException(
                    ErrorCode.UNKNOWN_OUTCOME, "the command may yet take effect in " + id, cause);
        }
        return new MirachException(ErrorCode.NOT_READY, id + " cannot prove that it leads", cause);
    }
}
