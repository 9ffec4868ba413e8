package io.mirach.server.node;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.MembersRefusedException;
import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RefusedException;
import io.mirach.raft.ReplicaLostException;
import io.mirach.server.cluster.ReplicaOrder;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does on this node what the meta leader's reconciler orders. Thread-safe; never blocks. */
public final class NodeAgent {
    private static final Logger LOG = LoggerFactory.getLogger(NodeAgent.class);

    private final HostedGroups groups;

    public NodeAgent(HostedGroups groups) {
        this.groups = groups;
    }

    /** The opcodes that this agent answers. */
    public Map<Opcode, RequestHandler> handlers() {
        Map<Opcode, RequestHandler> handlers = new EnumMap<>(Opcode.class);
        handlers.put(Opcode.CREATE_REPLICA, on(ReplicaOrder.Create.class, this::create));
        handlers.put(Opcode.REMOVE_REPLICA, on(ReplicaOrder.Remove.class, this::remove));
        handlers.put(Opcode.TRANSFER_LEADERSHIP, on(ReplicaOrder.Transfer.class, this::transfer));
        handlers.put(
                Opcode.CREATE_LEARNER, on(ReplicaOrder.CreateLearner.class, this::createLearner));
        handlers.put(Opcode.SUCCEED_REPLICA, on(ReplicaOrder.Succeed.class, this::succeed));
        handlers.put(
                Opcode.CHANGE_MEMBERS,
                body -> {
                    ReplicaOrder.ChangeMembers order =
                            JsonBody.decode(body, ReplicaOrder.ChangeMembers.class);
                    return changeMembers(order)
                            .handle(
                                    (changed, failure) ->
                                            failure == null
                                                    ? JsonBody.encode(
                                                            changed, ByteBufAllocator.DEFAULT)
                                                    : finished(order, failure));
                });
        return handlers;
    }

    private static <O> RequestHandler on(
            Class<O> type, Function<O, CompletableFuture<Void>> action) {
        return body -> {
            O order = JsonBody.decode(body, type);
            return action.apply(order).handle((done, failure) -> finished(order, failure));
        };
    }

    private static ByteBuf finished(Object order, Throwable failure) {
        if (failure == null) {
            return Unpooled.EMPTY_BUFFER;
        }
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        if (cause instanceof MirachException known) {
            throw known;
        }
        if (cause instanceof RefusedException refused) {
            throw refused.reason() == RefusedException.Reason.NOT_LEADER
                    ? MirachException.notLeader(refused.leaderHint())
                    : new MirachException(ErrorCode.NOT_READY, "the log says " + refused.reason());
        }
        if (cause instanceof MembersRefusedException refused) {
            throw new MirachException(
                    refused.reason() == MembersRefusedException.Reason.CHANGE_UNDER_WAY
                            ? ErrorCode.NOT_READY
                            : ErrorCode.CONFLICT,
                    refused.getMessage());
        }
        if (cause instanceof ReplicaLostException) {
            throw new MirachException(ErrorCode.CONFLICT, cause.getMessage(), cause);
        }
        if (cause instanceof OutcomeUnknownException) {
            throw new MirachException(ErrorCode.UNKNOWN_OUTCOME, cause.getMessage(), cause);
        }
        LOG.warn("{} failed: {}", order, cause.toString());
        throw new MirachException(ErrorCode.INTERNAL, String.valueOf(cause.getMessage()), cause);
    }

    private CompletableFuture<Void> create(ReplicaOrder.Create order) {
        RaftGroupMembers members =
                new RaftGroupMembers(order.raftGroupId(), peers(order.members()));
        return groups.create(order.dataDir(), members)
                .thenRun(() -> groups.serve(order.dataDir(), order.group(), order.raftGroupId()));
    }

    private CompletableFuture<Void> createLearner(ReplicaOrder.CreateLearner order) {
        return groups.createLearner(
                        order.dataDir(),
                        new RaftGroupMembers(order.raftGroupId(), peers(order.voters())),
                        peer(order.self()),
                        new LogPosition(order.without().term(), order.without().index()))
                .thenRun(
                        () ->
                                order.group()
                                        .ifPresent(
                                                group ->
                                                        groups.serve(
                                                                order.dataDir(),
                                                                group,
                                                                order.raftGroupId())));
    }

    private CompletableFuture<ReplicaOrder.MembersChanged> changeMembers(
            ReplicaOrder.ChangeMembers order) {
        return groups.changeMembers(
                        order.dataDir(),
                        order.raftGroupId(),
                        order.expectedVoters(),
                        peers(order.voters()),
                        peers(order.learners()))
                .thenApply(
                        changed ->
                                new ReplicaOrder.MembersChanged(changed.term(), changed.index()));
    }

    private static List<Peer> peers(List<ReplicaOrder.Member> members) {
        return members.stream().map(NodeAgent::peer).toList();
    }

    private static Peer peer(ReplicaOrder.Member member) {
        return new Peer(member.dataDir(), member.raftAddress());
    }

    private CompletableFuture<Void> remove(ReplicaOrder.Remove order) {
        return groups.remove(
                order.dataDir(), order.group(), order.raftGroupId(), order.configuration());
    }

    /** It is served once the map says that it has taken over. */
    private CompletableFuture<Void> succeed(ReplicaOrder.Succeed order) {
        LOG.warn(
                "{} has lost its majority for good and goes on from what is in data dir {}, with"
                        + " possible loss, by an administrator's order: Raft group {} becomes {}",
                order.group(),
                order.self().dataDir(),
                order.replaced(),
                order.raftGroupId());
        return groups.succeed(
                order.group(), order.replaced(), order.raftGroupId(), peer(order.self()));
    }

    private CompletableFuture<Void> transfer(ReplicaOrder.Transfer order) {
        LOG.debug("handing leadership of {} to {}", order.raftGroupId(), order.to());
        return groups.transfer(order.dataDir(), order.raftGroupId(), order.to());
    }
}
