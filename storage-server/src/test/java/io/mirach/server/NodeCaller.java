package io.mirach.server;

import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeConnections;
import io.mirach.client.transport.TransportConfig;
import io.mirach.model.ClusterImage;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Says to the nodes what no ordinary client would. Thread-safe. */
final class NodeCaller implements AutoCloseable {
    private static final Duration ATTEMPT = Duration.ofSeconds(30);
    // Another node may lead.
    private static final Set<ErrorCode> ELSEWHERE =
            EnumSet.of(
                    ErrorCode.NOT_LEADER,
                    ErrorCode.NOT_READY,
                    ErrorCode.UNREACHABLE,
                    ErrorCode.NO_SUCH_PLACEMENT_GROUP);

    private final EventLoops loops = EventLoops.start("caller", 1);
    private final NodeConnections connections =
            new NodeConnections(loops, TransportConfig.DEFAULT, "caller", Optional::empty);
    private final List<String> nodes;

    NodeCaller(ClusterImage image) {
        nodes = image.nodes().values().stream().map(StorageNode::nativeAddress).toList();
    }

    /** Completes with the leader's answer, which is looked for at one node after the other. */
    CompletableFuture<Void> ask(Opcode opcode, Object message) {
        return ask(opcode, () -> JsonBody.encode(message, ByteBufAllocator.DEFAULT));
    }

    /**
     * @param body a new one for each node
     */
    CompletableFuture<Void> ask(Opcode opcode, Supplier<ByteBuf> body) {
        return ask(opcode, body, 0);
    }

    private CompletableFuture<Void> ask(Opcode opcode, Supplier<ByteBuf> body, int turn) {
        return connections
                .request(nodes.get(turn % nodes.size()), opcode, body.get(), ATTEMPT)
                .<CompletableFuture<Void>>handle(
                        (reply, failure) -> {
                            if (failure == null) {
                                reply.release();
                                return CompletableFuture.completedFuture(null);
                            }
                            return failure instanceof MirachException e
                                            && ELSEWHERE.contains(e.code())
                                    ? askLater(opcode, body, turn + 1)
                                    : CompletableFuture.failedFuture(failure);
                        })
                .thenCompose(answer -> answer);
    }

    /** A moment later, so that it does not spin while nobody leads. */
    private CompletableFuture<Void> askLater(Opcode opcode, Supplier<ByteBuf> body, int turn) {
        CompletableFuture<Void> answer = new CompletableFuture<>();
        loops.next()
                .schedule(
                        () ->
                                ask(opcode, body, turn)
                                        .whenComplete(
                                                (done, failure) -> {
                                                    if (failure == null) {
                                                        answer.complete(done);
                                                    } else {
                                                        answer.completeExceptionally(failure);
                                                    }
                                                }),
                        20,
                        TimeUnit.MILLISECONDS);
        return answer;
    }

    @Override
    public void close() {
        connections.close();
        loops.close();
    }
}
