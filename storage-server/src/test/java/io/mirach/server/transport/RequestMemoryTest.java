package io.mirach.server.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeAddress;
import io.mirach.client.transport.NodeConnections;
import io.mirach.client.transport.TransportConfig;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Frame;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.Hello;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A node's memory for requests, over all connections. */
@Timeout(60)
@ExtendWith(NoLeaks.class)
class RequestMemoryTest {
    private static final int MIB = 1 << 20;
    private static final Duration LONG = Duration.ofSeconds(30);

    private final EventLoops loops = EventLoops.start("test-io", 2);
    private final List<NodeConnections> peers = new ArrayList<>();
    private final Queue<CompletableFuture<ByteBuf>> held = new ConcurrentLinkedQueue<>();
    private Optional<NativeServer> server = Optional.empty();

    @AfterEach
    void stop() {
        peers.forEach(NodeConnections::close);
        server.ifPresent(NativeServer::close);
        loops.close();
        held.forEach(reply -> reply.cancel(false));
    }

    private void serve(long maxBytesInAll, Duration stallTimeout, RequestHandler writes)
            throws IOException {
        server =
                Optional.of(
                        NativeServer.start(
                                new NativeServerConfig(
                                        NodeAddress.parse("127.0.0.1:0"),
                                        100,
                                        1L << 30,
                                        100_000,
                                        maxBytesInAll,
                                        LONG,
                                        stallTimeout),
                                loops,
                                Map.of(
                                        Opcode.WRITE,
                                        writes,
                                        Opcode.HEARTBEAT,
                                        CompletableFuture::completedFuture),
                                "node-1",
                                Optional::empty));
    }

    private CompletableFuture<ByteBuf> hold(ByteBuf body) {
        CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
        held.add(reply);
        return reply.whenComplete((ok, failure) -> body.release());
    }

    private NodeConnections peer() {
        NodeConnections peer =
                new NodeConnections(loops, TransportConfig.DEFAULT, "test", Optional::empty);
        peers.add(peer);
        return peer;
    }

    private CompletableFuture<ByteBuf> write(NodeConnections peer) {
        return ask(peer, Opcode.WRITE);
    }

    private CompletableFuture<ByteBuf> ask(NodeConnections peer, Opcode opcode) {
        return peer.request(
                server.orElseThrow().address().toString(),
                opcode,
                Unpooled.directBuffer(MIB).writeZero(MIB),
                LONG);
    }

    private static void assertRefused(CompletableFuture<ByteBuf> reply) {
        assertThatThrownBy(() -> reply.get(20, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.BACK_PRESSURED));
    }

    @Test
    void whatTheNodeHasNoMemoryForIsRefusedAtOnce() throws Exception {
        serve(8 * MIB, LONG, this::hold);
        NodeConnections greedy = peer();
        NodeConnections other = peer();
        List<CompletableFuture<ByteBuf>> admitted = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            admitted.add(write(greedy));
        }
        assertRefused(write(greedy));
        // Half of it is left for others.
        for (int i = 0; i < 4; i++) {
            admitted.add(write(other));
        }
        assertRefused(write(other));
        assertRefused(write(peer()));
        // What keeps the cluster together is not refused.
        ask(other, Opcode.HEARTBEAT).get(20, TimeUnit.SECONDS).release();

        assertThat(held).hasSize(8);
        assertThat(admitted).noneMatch(CompletableFuture::isDone);
        held.remove().complete(Unpooled.EMPTY_BUFFER);
        admitted.get(0).get(20, TimeUnit.SECONDS).release();
        admitted.add(write(greedy));
        await().until(() -> held.size() == 8);
        while (!held.isEmpty()) {
            held.remove().complete(Unpooled.EMPTY_BUFFER);
        }
        for (CompletableFuture<ByteBuf> reply : admitted.subList(1, admitted.size())) {
            reply.get(20, TimeUnit.SECONDS).release();
        }
    }

    @Test
    void aRequestThatIsAloneIsAdmittedHoweverLargeItIs() {
        RequestMemory memory = new RequestMemory(8);
        memory.add(10);
        assertThat(memory.admits(10, 10)).isTrue();
        memory.add(1);
        assertThat(memory.admits(1, 1)).isFalse();
        assertThat(memory.admits(11, 1)).isFalse();
        memory.add(-10);
        assertThat(memory.admits(1, 1)).isTrue();
        assertThat(memory.bytes()).isEqualTo(1);
    }

    @Test
    void aPeerThatTakesNoReplyIsClosed() throws Exception {
        serve(64 * MIB, Duration.ofMillis(300), CompletableFuture::completedFuture);
        NodeAddress address = server.orElseThrow().address();
        Channel deaf =
                new Bootstrap()
                        .group(loops.group())
                        .channel(loops.socketChannel())
                        .option(ChannelOption.AUTO_READ, false)
                        .handler(new ChannelInboundHandlerAdapter())
                        .connect(new InetSocketAddress(address.host(), address.port()))
                        .sync()
                        .channel();
        ByteBufAllocator allocator = deaf.alloc();
        Hello hello = new Hello(Frame.PROTOCOL_VERSION, Optional.empty(), "deaf");
        Frame.writeRequest(deaf, allocator, Opcode.HELLO, 1, JsonBody.encode(hello, allocator));
        for (int i = 0; i < 24; i++) {
            Frame.writeRequest(
                    deaf,
                    allocator,
                    Opcode.WRITE,
                    2 + i,
                    Unpooled.directBuffer(MIB).writeZero(MIB));
        }
        deaf.flush();
        await().until(() -> server.orElseThrow().connectionCount() == 0);
        deaf.close().sync();
    }
}
