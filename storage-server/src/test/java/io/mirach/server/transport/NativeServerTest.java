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
import io.mirach.raft.ReadLease;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@Timeout(60)
@ExtendWith(NoLeaks.class)
class NativeServerTest {
    private static final UUID CLUSTER = new UUID(1, 1);
    private static final Duration LONG = Duration.ofSeconds(30);

    private final EventLoops loops = EventLoops.start("test-io", 2);
    private final Queue<CompletableFuture<ByteBuf>> held = new ConcurrentLinkedQueue<>();
    private final AtomicInteger handled = new AtomicInteger();
    private NativeServer server;
    private NodeConnections connections;

    @BeforeEach
    void start() throws IOException {
        server = serve(NativeServerConfig.at(NodeAddress.parse("127.0.0.1:0")));
        connections = connect(TransportConfig.DEFAULT, Optional.of(CLUSTER));
    }

    @AfterEach
    void stop() {
        connections.close();
        server.close();
        loops.close();
        for (CompletableFuture<ByteBuf> reply : held) {
            reply.cancel(false);
        }
    }

    private NativeServer serve(NativeServerConfig config) throws IOException {
        Map<Opcode, RequestHandler> handlers =
                Map.of(
                        // Echoes.
                        Opcode.WRITE,
                        CompletableFuture::completedFuture,
                        // Answers when the test says so.
                        Opcode.ZERO,
                        body -> {
                            handled.incrementAndGet();
                            CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
                            held.add(reply);
                            return reply.whenComplete((ok, failure) -> body.release());
                        },
                        Opcode.READ,
                        body -> {
                            body.release();
                            throw new IllegalStateException("a fault of this node");
                        },
                        Opcode.BLOCK_STATUS,
                        body -> {
                            body.release();
                            UUID leader = new UUID(7, 7);
                            return CompletableFuture.failedFuture(
                                    new CompletionException(
                                            MirachException.notLeader(Optional.of(leader))));
                        },
                        Opcode.HEARTBEAT,
                        body -> {
                            body.release();
                            return CompletableFuture.completedFuture(
                                    Unpooled.buffer().writeZero(Frame.MAX_BODY_BYTES + 1));
                        });
        return NativeServer.start(config, loops, handlers, "node-1", () -> Optional.of(CLUSTER));
    }

    private NodeConnections connect(TransportConfig config, Optional<UUID> cluster) {
        return new NodeConnections(loops, config, "test", () -> cluster);
    }

    private CompletableFuture<ByteBuf> ask(Opcode opcode, ByteBuf body) {
        return connections.request(server.address().toString(), opcode, body, LONG);
    }

    private static ByteBuf text(String text) {
        return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
    }

    private static String textOf(CompletableFuture<ByteBuf> reply) {
        ByteBuf body = reply.join();
        try {
            return body.toString(StandardCharsets.UTF_8);
        } finally {
            body.release();
        }
    }

    private static void assertFails(CompletableFuture<ByteBuf> reply, ErrorCode code) {
        assertThatThrownBy(() -> reply.get(20, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        MirachException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void thousandsOfRequestsOnOneConnectionEachGetTheirOwnReply() {
        List<CompletableFuture<ByteBuf>> replies = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            replies.add(ask(Opcode.WRITE, text("request " + i)));
        }
        for (int i = 0; i < 5000; i++) {
            assertThat(textOf(replies.get(i))).isEqualTo("request " + i);
        }
        assertThat(server.connectionCount()).isEqualTo(1);
    }

    @Test
    void repliesMayComeInAnyOrder() {
        CompletableFuture<ByteBuf> first = ask(Opcode.ZERO, text("first"));
        CompletableFuture<ByteBuf> second = ask(Opcode.ZERO, text("second"));
        await().until(() -> held.size() == 2);
        List<CompletableFuture<ByteBuf>> answers = new ArrayList<>(held);
        answers.get(1).complete(text("to second"));
        assertThat(textOf(second)).isEqualTo("to second");
        assertThat(first).isNotDone();
        answers.get(0).complete(text("to first"));
        assertThat(textOf(first)).isEqualTo("to first");
    }

    @Test
    void longestBodyGoesThereAndBack() {
        ByteBuf body = Unpooled.directBuffer(Frame.MAX_BODY_BYTES);
        for (int i = 0; i < Frame.MAX_BODY_BYTES / 8; i++) {
            body.writeLong(i * 0x9E3779B97F4A7C15L);
        }
        ByteBuf reply = ask(Opcode.WRITE, body.retainedDuplicate()).join();
        assertThat(ByteBufUtil.equals(reply, body)).isTrue();
        reply.release();
        body.release();
    }

    @Test
    void refusalsKeepTheirCodeAndHintAndFaultsAreInternal() {
        CompletableFuture<ByteBuf> refused = ask(Opcode.BLOCK_STATUS, text(""));
        assertFails(refused, ErrorCode.NOT_LEADER);
        refused.exceptionally(
                        failure -> {
                            assertThat(((MirachException) failure).leaderHint())
                                    .contains(new UUID(7, 7));
                            return Unpooled.EMPTY_BUFFER;
                        })
                .join();
        assertFails(ask(Opcode.READ, text("")), ErrorCode.INTERNAL);
        assertFails(ask(Opcode.ATTACH, text("")), ErrorCode.UNSUPPORTED_VERSION);
        assertFails(ask(Opcode.HEARTBEAT, text("")), ErrorCode.FRAME_TOO_LARGE);
        // The connection goes on.
        assertThat(textOf(ask(Opcode.WRITE, text("still here")))).isEqualTo("still here");
        assertThat(server.connectionCount()).isEqualTo(1);
    }

    @Test
    void peerOfAnotherClusterIsRefusedAndNothingIsSent() {
        NodeConnections other = connect(TransportConfig.DEFAULT, Optional.of(new UUID(2, 2)));
        assertFails(
                other.request(server.address().toString(), Opcode.ZERO, text("x"), LONG),
                ErrorCode.WRONG_CLUSTER);
        assertThat(handled).hasValue(0);
        other.close();
    }

    @Test
    void unansweredRequestTimesOutWhileItsConnectionLives() {
        CompletableFuture<ByteBuf> slow =
                connections.request(
                        server.address().toString(),
                        Opcode.ZERO,
                        text("x"),
                        Duration.ofMillis(200));
        assertFails(slow, ErrorCode.TIMEOUT);
        // The late answer is dropped and disturbs nobody.
        held.remove().complete(text("late"));
        assertThat(textOf(ask(Opcode.WRITE, text("next")))).isEqualTo("next");
        assertThat(server.connectionCount()).isEqualTo(1);
    }

    @Test
    void lostConnectionFailsWhatIsInFlightAndTheNextRequestConnectsAgain() throws IOException {
        CompletableFuture<ByteBuf> inFlight = ask(Opcode.ZERO, text("x"));
        await().until(() -> held.size() == 1);
        NodeAddress address = server.address();
        server.close();
        assertFails(inFlight, ErrorCode.UNREACHABLE);
        // Answered after the peer has gone: released, not leaked.
        held.remove().complete(Unpooled.buffer().writeZero(10_000));
        assertFails(ask(Opcode.WRITE, text("x")), ErrorCode.UNREACHABLE);
        server = serve(NativeServerConfig.at(address));
        await().untilAsserted(
                        () ->
                                assertThat(textOf(ask(Opcode.WRITE, text("again"))))
                                        .isEqualTo("again"));
    }

    @Test
    void tooMuchInFlightIsBackPressuredAtOnce() {
        NodeConnections narrow =
                connect(
                        new TransportConfig(
                                Duration.ofSeconds(3),
                                Duration.ofSeconds(1),
                                Duration.ofSeconds(3),
                                2,
                                4 << 20),
                        Optional.of(CLUSTER));
        String address = server.address().toString();
        List<CompletableFuture<ByteBuf>> replies = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            replies.add(narrow.request(address, Opcode.ZERO, text("x"), LONG));
        }
        assertFails(replies.get(2), ErrorCode.BACK_PRESSURED);
        await().until(() -> held.size() == 2);
        held.remove().complete(text("done"));
        assertThat(textOf(replies.get(0))).isEqualTo("done");
        assertThat(narrow.request(address, Opcode.ZERO, text("x"), LONG)).isNotDone();
        narrow.close();
    }

    @Test
    void serverStopsReadingAPeerThatKeepsTooMuchInFlight() throws IOException {
        server.close();
        server =
                serve(
                        new NativeServerConfig(
                                NodeAddress.parse("127.0.0.1:0"),
                                10,
                                4 << 20,
                                1000,
                                1 << 30,
                                Duration.ofSeconds(5),
                                LONG));
        List<CompletableFuture<ByteBuf>> replies = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            replies.add(ask(Opcode.ZERO, Unpooled.directBuffer().writeZero(1 << 20)));
        }
        await().until(() -> handled.get() >= 4);
        await().during(Duration.ofMillis(300))
                .atMost(Duration.ofSeconds(5))
                .until(() -> handled.get() <= 5);
        while (!replies.stream().allMatch(CompletableFuture::isDone)) {
            CompletableFuture<ByteBuf> next = held.poll();
            if (next != null) {
                next.complete(Unpooled.EMPTY_BUFFER);
            } else {
                Thread.onSpinWait();
            }
        }
        assertThat(handled).hasValue(40);
        replies.forEach(reply -> reply.join().release());
    }

    @Test
    void silentPeerIsGivenUpThoughItsConnectionStands() throws IOException {
        // Accepts and never answers, as a stopped process does.
        try (var deaf = new java.net.ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            NodeConnections impatient =
                    connect(
                            new TransportConfig(
                                    Duration.ofMillis(300),
                                    Duration.ofMillis(100),
                                    Duration.ofMillis(200),
                                    10,
                                    4 << 20),
                            Optional.of(CLUSTER));
            assertFails(
                    impatient.request(
                            "127.0.0.1:" + deaf.getLocalPort(), Opcode.WRITE, text("x"), LONG),
                    ErrorCode.UNREACHABLE);
            impatient.close();
        }
    }

    @Test
    void nodeThatGoesSilentWithARequestInFlightIsGivenUp() throws Exception {
        try (var silent = new java.net.ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            NodeConnections impatient =
                    connect(
                            new TransportConfig(
                                    Duration.ofSeconds(5),
                                    Duration.ofMillis(100),
                                    Duration.ofMillis(200),
                                    10,
                                    4 << 20),
                            Optional.of(CLUSTER));
            CompletableFuture<ByteBuf> reply =
                    impatient.request(
                            "127.0.0.1:" + silent.getLocalPort(), Opcode.WRITE, text("x"), LONG);
            try (Socket peer = silent.accept()) {
                ByteBuf hello =
                        JsonBody.encode(
                                new Hello(1, Optional.of(CLUSTER), "silent"),
                                UnpooledByteBufAllocator.DEFAULT);
                peer.getOutputStream()
                        .write(
                                ByteBufUtil.decodeHexDump(
                                        String.format(
                                                        "%08x010100010000000000000000 0000",
                                                        14 + hello.readableBytes())
                                                .replace(" ", "")));
                peer.getOutputStream().write(ByteBufUtil.getBytes(hello));
                hello.release();
                assertFails(reply, ErrorCode.UNREACHABLE);
            }
            impatient.close();
        }
    }

    @Test
    void badBytesGetAnErrorAndTheConnectionIsClosed() throws IOException {
        assertThat(exchange("7fffffff 01 00 0010 00000000000000aa"))
                .startsWith("010010" + "00000000000000aa" + hex(ErrorCode.FRAME_TOO_LARGE));
        assertThat(exchange("0000000c 07 00 0010 00000000000000ab"))
                .startsWith("010010" + "00000000000000ab" + hex(ErrorCode.UNSUPPORTED_VERSION));
        // Anything before HELLO; a HELLO that is none; one of another version.
        assertThat(exchange("0000000c 01 00 0010 00000000000000ac"))
                .startsWith("010010" + "00000000000000ac" + hex(ErrorCode.MALFORMED));
        assertThat(exchange("0000000d 01 00 0001 0000000000000000 09"))
                .startsWith("010001" + "0000000000000000" + hex(ErrorCode.UNSUPPORTED_VERSION));
        assertThat(exchange("0000000e 01 00 0001 0000000000000000 017b"))
                .startsWith("010001" + "0000000000000000" + hex(ErrorCode.MALFORMED));
        // A reply where only requests are due: nothing to answer.
        assertThat(exchange("0000000e 01 01 0001 0000000000000000 0000")).isEmpty();
        assertThat(textOf(ask(Opcode.WRITE, text("others go on")))).isEqualTo("others go on");
    }

    /** After a sound HELLO, so that requests get as far as the handlers. */
    @Test
    void noiseEndsItsOwnConnectionAtMost() throws IOException {
        long seed = 77;
        Random random = new Random(seed);
        ByteBuf hello =
                JsonBody.encode(
                        new Hello(1, Optional.of(CLUSTER), "noise"),
                        UnpooledByteBufAllocator.DEFAULT);
        byte[] helloBody = ByteBufUtil.getBytes(hello);
        hello.release();
        for (int i = 0; i < 300; i++) {
            try (Socket socket = new Socket("127.0.0.1", server.address().port())) {
                OutputStream out = socket.getOutputStream();
                ByteBuf bytes = Unpooled.buffer();
                bytes.writeInt(12 + helloBody.length).writeShort(0x0100).writeShort(1).writeLong(0);
                bytes.writeBytes(helloBody);
                for (int frame = 0; frame < 5; frame++) {
                    byte[] body = new byte[random.nextInt(100)];
                    random.nextBytes(body);
                    bytes.writeInt(random.nextInt(8) == 0 ? random.nextInt() : 12 + body.length);
                    bytes.writeShort(random.nextInt(8) == 0 ? random.nextInt() : 0x0100);
                    bytes.writeShort(random.nextInt(60)).writeLong(random.nextLong());
                    bytes.writeBytes(body);
                }
                out.write(ByteBufUtil.getBytes(bytes));
            }
        }
        await().untilAsserted(() -> assertThat(server.connectionCount()).isZero());
        assertThat(textOf(ask(Opcode.WRITE, text("unharmed")))).isEqualTo("unharmed");
    }

    private static String hex(ErrorCode code) {
        return String.format("%04x", code.number());
    }

    /**
     * Sends bytes; returns what came back after the length and version, until the server closed.
     */
    private String exchange(String hexBytes) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.address().port())) {
            socket.setSoTimeout(20_000);
            OutputStream out = socket.getOutputStream();
            out.write(ByteBufUtil.decodeHexDump(hexBytes.replace(" ", "")));
            out.flush();
            byte[] answer = new DataInputStream(socket.getInputStream()).readAllBytes();
            return answer.length < 5 ? "" : ByteBufUtil.hexDump(answer, 5, answer.length - 5);
        }
    }

    @Test
    void connectionsBeyondTheLimitAndSilentOnesAreClosed() throws IOException {
        server.close();
        server =
                serve(
                        new NativeServerConfig(
                                NodeAddress.parse("127.0.0.1:0"),
                                1,
                                4 << 20,
                                1000,
                                1 << 30,
                                Duration.ofMillis(300),
                                LONG));
        try (Socket silent = new Socket("127.0.0.1", server.address().port())) {
            await().until(() -> server.connectionCount() == 1);
            try (Socket second = new Socket("127.0.0.1", server.address().port())) {
                second.setSoTimeout(20_000);
                assertThat(second.getInputStream().read()).isEqualTo(-1);
            }
            silent.setSoTimeout(20_000);
            assertThat(silent.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void leaseClaimsTravelAndOnlyHeldGroupsAreConfirmed() {
        UUID mine = new UUID(5, 5);
        UUID other = new UUID(6, 6);
        UUID group = new UUID(9, 9);
        List<ReadLease.Claim> seen = new ArrayList<>();
        ReadLease lease =
                new ReadLease() {
                    @Override
                    public Set<UUID> confirm(UUID from, List<Claim> claims) {
                        seen.addAll(claims);
                        return from.equals(other) ? Set.of(group) : Set.of();
                    }
                };
        server.close();
        RequestHandler handler =
                LeaseChannel.handler(
                        dir -> dir.equals(mine) ? Optional.of(lease) : Optional.empty(),
                        mine::equals,
                        UnpooledByteBufAllocator.DEFAULT);
        try {
            server =
                    NativeServer.start(
                            NativeServerConfig.at(NodeAddress.parse("127.0.0.1:0")),
                            loops,
                            Map.of(Opcode.LEASE_CLAIMS, handler),
                            "node-1",
                            () -> Optional.of(CLUSTER));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        List<String> room = new CopyOnWriteArrayList<>();
        LeaseChannel channel =
                new LeaseChannel(
                        connections,
                        dir ->
                                dir.equals(other)
                                        ? Optional.empty()
                                        : Optional.of(server.address().toString()),
                        (dir, groups, roomIsLow) ->
                                room.add(dir + " " + groups.size() + " " + roomIsLow),
                        UnpooledByteBufAllocator.DEFAULT);
        List<ReadLease.Claim> claims =
                List.of(new ReadLease.Claim(group, 3), new ReadLease.Claim(other, 4));
        assertThat(channel.ask(other, mine, claims).join()).containsExactly(group);
        assertThat(seen).isEqualTo(claims);
        assertThat(channel.ask(mine, group, claims).join()).isEmpty();
        assertThat(channel.ask(mine, other, claims)).isCompletedExceptionally();
        assertThat(room).containsExactly(mine + " 2 true", group + " 2 false");
    }
}
