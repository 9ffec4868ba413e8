package io.mirach.server.cluster;

import io.mirach.client.routing.ClusterRouting;
import io.mirach.client.routing.RoutedRequest;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.RefusedException;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaCommandCodec;
import io.mirach.server.metadata.MetaReply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/** This node's way into the meta group, as a member or not. Thread-safe; never blocks. */
public final class MetaGroup {
    private final Supplier<Optional<ReplicatedLog<MetaReply>>> localLog;
    private final ClusterRouting routing;

    /**
     * @param localLog this node's replica of the meta group, once it has one
     */
    public MetaGroup(
            Supplier<Optional<ReplicatedLog<MetaReply>>> localLog, ClusterRouting routing) {
        this.localLog = localLog;
        this.routing = routing;
    }

    /** Whether this node leads the meta group. */
    public boolean leads() {
        return localLog.get()
                .filter(log -> log.status().role() == ReplicaStatus.Role.LEADER)
                .isPresent();
    }

    /** The data dir that leads the meta group, as far as is known here. */
    public Optional<UUID> leader() {
        return localLog.get()
                .flatMap(log -> log.status().leader())
                .or(() -> routing.meta().believedLeader());
    }

    /** Completes when this node leads and its map holds all that was ever acknowledged. */
    public CompletableFuture<Void> ready() {
        return localLog.get()
                .map(log -> log.readable(false).exceptionally(MetaGroup::rethrow))
                .orElseGet(MetaGroup::noReplica);
    }

    /**
     * Logs a change, if this node leads. A refusal by the state is a reply, all else fails with
     * {@link MirachException}.
     */
    public CompletableFuture<MetaReply> propose(MetaCommand command) {
        return localLog.get()
                .map(
                        log ->
                                log.propose(MetaCommandCodec.encode(command))
                                        .exceptionally(MetaGroup::<MetaReply>rethrow))
                .orElseGet(MetaGroup::noReplica);
    }

    /** Logs a change, wherever the leader is; may log it twice. */
    public CompletableFuture<MetaReply> change(MetaCommand command, Duration deadline) {
        return call(Opcode.META_CHANGE, command, deadline)
                .thenApply(reply -> JsonBody.decode(reply, MetaReply.class));
    }

    /** Sends a request to the meta leader until it answers. The caller owns the reply. */
    public CompletableFuture<ByteBuf> call(Opcode opcode, Object message, Duration deadline) {
        return routing.meta()
                .call(
                        new RoutedRequest() {
                            @Override
                            public Opcode opcode() {
                                return opcode;
                            }

                            @Override
                            public ByteBuf encode() {
                                return JsonBody.encode(message, ByteBufAllocator.DEFAULT);
                            }
                        },
                        deadline);
    }

    private static <R> CompletableFuture<R> noReplica() {
        return CompletableFuture.failedFuture(MirachException.notLeader(Optional.empty()));
    }

    private static <R> R rethrow(Throwable failure) {
        throw refusal(failure);
    }

    private static MirachException refusal(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        if (cause instanceof RefusedException refused) {
            return switch (refused.reason()) {
                case NOT_LEADER -> MirachException.notLeader(refused.leaderHint());
                case NOT_READY ->
                        new MirachException(
                                ErrorCode.NOT_READY, "the new meta leader is not ready yet");
                case BACK_PRESSURED ->
                        new MirachException(
                                ErrorCode.BACK_PRESSURED, "the meta group's log is busy");
                case NO_SUCH_GROUP ->
                        new MirachException(
                                ErrorCode.SHUTTING_DOWN, "the meta group's replica is closing");
            };
        }
        if (cause instanceof MirachException known) {
            return known;
        }
        String detail =
                cause instanceof OutcomeUnknownException
                        ? "the change of the cluster map may yet take effect"
                        : "the change of the cluster map failed: " + cause;
        return new MirachException(ErrorCode.UNKNOWN_OUTCOME, detail, cause);
    }
}
