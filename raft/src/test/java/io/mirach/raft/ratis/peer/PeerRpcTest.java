package io.mirach.raft.ratis.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.ProtoUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two hosts' connections, and strangers. Votes stand for all requests. */
class PeerRpcTest {
    private static final int MAX_BYTES = 1 << 20;

    @TempDir Path directory;

    private final List<PeerRpc> open = new ArrayList<>();
    private final AtomicInteger votes = new AtomicInteger();
    private final UUID group = UUID.randomUUID();
    private final UUID asker = UUID.randomUUID();
    private final UUID answerer = UUID.randomUUID();
    private volatile Supplier<RequestVoteReplyProto> answer =
            RequestVoteReplyProto.newBuilder().setTerm(7)::build;

    @AfterEach
    void close() {
        open.forEach(PeerRpc::close);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private PeerRpc rpc(UUID id, int port) throws IOException {
        RaftServer server =
                (RaftServer)
                        Proxy.newProxyInstance(
                                getClass().getClassLoader(),
                                new Class<?>[] {RaftServer.class},
                                (proxy, method, arguments) -> {
                                    votes.incrementAndGet();
                                    return answer.get();
                                });
        PeerRpc rpc =
                new PeerRpc(
                        new PeerTransport(),
                        server,
                        new PeerSettings(
                                id,
                                new InetSocketAddress("127.0.0.1", port),
                                MAX_BYTES,
                                5000,
                                new VoteGuard(
                                        directory,
                                        (what, cause) -> {},
                                        new VoteGuard.Replicas() {
                                            @Override
                                            public boolean mayVote(UUID groupId) {
                                                return true;
                                            }

                                            @Override
                                            public void excluded(UUID groupId) {}

                                            @Override
                                            public void led(UUID groupId) {}
                                        })));
        open.add(rpc);
        rpc.start();
        return rpc;
    }

    private RequestVoteRequestProto vote(UUID to) {
        return RequestVoteRequestProto.newBuilder()
                .setServerRequest(
                        RaftRpcRequestProto.newBuilder()
                                .setRequestorId(ByteString.copyFromUtf8(asker.toString()))
                                .setReplyId(ByteString.copyFromUtf8(to.toString()))
                                .setRaftGroupId(
                                        ProtoUtils.toRaftGroupIdProtoBuilder(
                                                RaftGroupId.valueOf(group))))
                .setPreVote(true)
                .build();
    }

    private static void knows(PeerRpc rpc, UUID peer, int port) {
        rpc.addRaftPeers(
                List.of(
                        RaftPeer.newBuilder()
                                .setId(peer.toString())
                                .setAddress("127.0.0.1:" + port)
                                .build()));
    }

    @Test
    void requestIsAnsweredAlsoAfterThePeerWasAway() throws IOException {
        int port = freePort();
        PeerRpc asking = rpc(asker, freePort());
        knows(asking, answerer, port);
        assertThatThrownBy(() -> asking.requestVote(vote(answerer)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no connection");
        PeerRpc first = rpc(answerer, port);
        assertThat(asking.requestVote(vote(answerer)).getTerm()).isEqualTo(7);
        first.close();
        rpc(answerer, port);
        await().ignoreExceptionsInstanceOf(IOException.class)
                .until(() -> asking.requestVote(vote(answerer)).getTerm() == 7);
    }

    @Test
    void peerMovesToAnotherAddress() throws IOException {
        int oldPort = freePort();
        PeerRpc asking = rpc(asker, freePort());
        knows(asking, answerer, oldPort);
        int newPort = freePort();
        rpc(answerer, newPort);
        knows(asking, answerer, newPort);
        assertThat(asking.requestVote(vote(answerer)).getTerm()).isEqualTo(7);
    }

    @Test
    void hostUnderTheAddressOfAnotherIsNotTakenForIt() throws IOException {
        int port = freePort();
        PeerRpc asking = rpc(asker, freePort());
        rpc(UUID.randomUUID(), port);
        knows(asking, answerer, port);
        assertThatThrownBy(() -> asking.requestVote(vote(answerer)))
                .isInstanceOf(IOException.class);
        assertThat(votes).hasValue(0);
    }

    @Test
    void failureOfThePeerIsItsAnswer() throws IOException {
        int port = freePort();
        PeerRpc asking = rpc(asker, freePort());
        rpc(answerer, port);
        knows(asking, answerer, port);
        answer =
                () -> {
                    throw new IllegalStateException("not now");
                };
        assertThatThrownBy(() -> asking.requestVote(vote(answerer)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("not now");
        answer = RequestVoteReplyProto::getDefaultInstance;
        assertThat(asking.requestVote(vote(answerer))).isNotNull();
    }

    @Test
    void peerThatAcceptsAndSaysNothingIsGivenUp() throws IOException {
        try (ServerSocket mute = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            PeerRpc asking = rpc(asker, freePort());
            knows(asking, answerer, mute.getLocalPort());
            assertThatThrownBy(() -> asking.requestVote(vote(answerer)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("no connection");
        }
    }

    @Test
    void peerThatGreetsAndThenAnswersNothingIsGivenUp() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CountDownLatch done = new CountDownLatch(1);
            Thread frozen =
                    new Thread(
                            () -> {
                                try (Socket socket = server.accept()) {
                                    new DataInputStream(socket.getInputStream())
                                            .readFully(new byte[13 + PeerFrame.HELLO_BYTES]);
                                    DataOutputStream out =
                                            new DataOutputStream(socket.getOutputStream());
                                    out.writeInt(9);
                                    out.writeByte(PeerFrame.WELCOME);
                                    out.writeLong(PeerFrame.VERSION);
                                    done.await();
                                } catch (IOException | InterruptedException e) {
                                    throw new IllegalStateException(e);
                                }
                            });
            frozen.start();
            PeerRpc asking = rpc(asker, freePort());
            knows(asking, answerer, server.getLocalPort());
            assertThatThrownBy(() -> asking.requestVote(vote(answerer)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("answers nothing");
            done.countDown();
        }
    }

    /** Sends bytes to a host; returns whether it closed the connection by itself. */
    private static boolean refuses(int port, byte[] bytes) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(5000);
            socket.getOutputStream().write(bytes);
            return socket.getInputStream().readAllBytes().length < 200;
        }
    }

    @Test
    void strangersAreRefusedAndTheHostGoesOn() throws IOException {
        int port = freePort();
        PeerRpc asking = rpc(asker, freePort());
        rpc(answerer, port);
        assertThat(refuses(port, "GET / HTTP/1.1\r\n\r\n".getBytes())).isTrue();
        assertThat(refuses(port, new byte[64])).isTrue();
        // A request before the greeting.
        assertThat(refuses(port, new byte[] {0, 0, 0, 9, 0x11, 0, 0, 0, 0, 0, 0, 0, 1})).isTrue();
        knows(asking, answerer, port);
        assertThat(asking.requestVote(vote(answerer)).getTerm()).isEqualTo(7);
        assertThat(votes).hasValue(1);
    }
}
