package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.apache.ratis.grpc.server.GrpcServices;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.ProtoUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoteGuardTest {
    @TempDir Path directory;

    private final UUID group = UUID.randomUUID();
    private final List<String> failures = new CopyOnWriteArrayList<>();
    private final List<String> calls = new CopyOnWriteArrayList<>();

    private VoteGuard guard() {
        return new VoteGuard(directory, (what, cause) -> failures.add(what));
    }

    private Path createGroupDirectory() throws IOException {
        return Files.createDirectories(directory.resolve(group.toString()).resolve("current"));
    }

    private RaftRpcRequestProto rpc() {
        return RaftRpcRequestProto.newBuilder()
                .setRaftGroupId(ProtoUtils.toRaftGroupIdProtoBuilder(PeerIds.raftGroupId(group)))
                .build();
    }

    private RequestVoteRequestProto vote(boolean preVote) {
        return RequestVoteRequestProto.newBuilder()
                .setServerRequest(rpc())
                .setPreVote(preVote)
                .build();
    }

    private AppendEntriesRequestProto append() {
        return AppendEntriesRequestProto.newBuilder().setServerRequest(rpc()).build();
    }

    /** A server of which only votes and appends are asked. */
    private RaftServer server(Supplier<Object> onVote, Supplier<Object> onAppend) {
        return (RaftServer)
                Proxy.newProxyInstance(
                        getClass().getClassLoader(),
                        new Class<?>[] {RaftServer.class},
                        (proxy, method, arguments) ->
                                switch (method.getName()) {
                                    case "requestVote" -> onVote.get();
                                    case "appendEntriesAsync" -> onAppend.get();
                                    default ->
                                            throw new UnsupportedOperationException(
                                                    method.getName());
                                });
    }

    private GrpcServices services() {
        return (GrpcServices)
                Proxy.newProxyInstance(
                        getClass().getClassLoader(),
                        new Class<?>[] {GrpcServices.class},
                        (proxy, method, arguments) -> {
                            calls.add(method.getName());
                            return RequestVoteReplyProto.getDefaultInstance();
                        });
    }

    @Test
    void voteAndAppendOfOneGroupExcludeEachOther() throws IOException {
        createGroupDirectory();
        CountDownLatch appending = new CountDownLatch(1);
        RaftServer guarded =
                guard().incoming(
                                server(
                                        () -> {
                                            calls.add("vote");
                                            return RequestVoteReplyProto.getDefaultInstance();
                                        },
                                        () -> {
                                            calls.add("append begins");
                                            try {
                                                appending.await();
                                            } catch (InterruptedException e) {
                                                throw new IllegalStateException(e);
                                            }
                                            calls.add("append ends");
                                            return CompletableFuture.completedFuture(
                                                    AppendEntriesReplyProto.getDefaultInstance());
                                        }));
        Thread append = start(() -> guarded.appendEntriesAsync(append()));
        await().until(() -> calls.contains("append begins"));
        Thread vote = start(() -> guarded.requestVote(vote(false)));
        await().until(() -> vote.getState() == Thread.State.BLOCKED);
        appending.countDown();
        await().until(() -> !append.isAlive() && !vote.isAlive());
        assertThat(calls).containsExactly("append begins", "append ends", "vote");
        assertThat(failures).isEmpty();
    }

    private interface Call {
        void run() throws IOException;
    }

    private static Thread start(Call call) {
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                call.run();
                            } catch (IOException e) {
                                throw new IllegalStateException(e);
                            }
                        });
        thread.start();
        return thread;
    }

    @Test
    void voteIsNeitherAnsweredNorAskedForWhileItCannotBeMadeDurable() throws IOException {
        Path current = createGroupDirectory();
        // A link to itself cannot be opened by anybody, root included.
        Files.delete(current);
        Files.createSymbolicLink(current, current);
        VoteGuard guard = guard();
        RaftServer guarded =
                guard.incoming(
                        server(RequestVoteReplyProto::getDefaultInstance, CompletableFuture::new));
        assertThatThrownBy(() -> guarded.requestVote(vote(false))).isInstanceOf(IOException.class);
        assertThat(failures).hasSize(1);
        GrpcServices outgoing = guard.outgoing(services());
        assertThatThrownBy(() -> outgoing.requestVote(vote(false))).isInstanceOf(IOException.class);
        assertThat(calls).doesNotContain("requestVote");
        assertThat(failures).hasSize(2);
    }

    @Test
    void preVoteNeedsNothingDurable() throws IOException {
        VoteGuard guard = guard();
        RaftServer guarded =
                guard.incoming(
                        server(RequestVoteReplyProto::getDefaultInstance, CompletableFuture::new));
        assertThat(guarded.requestVote(vote(true))).isNotNull();
        guard.outgoing(services()).requestVote(vote(true));
        assertThat(calls).containsExactly("requestVote");
        assertThat(failures).isEmpty();
    }

    @Test
    void voteInAGroupThatIsBeingRemovedEndsNothing() {
        RaftServer guarded =
                guard().incoming(
                                server(
                                        RequestVoteReplyProto::getDefaultInstance,
                                        CompletableFuture::new));
        assertThatThrownBy(() -> guarded.requestVote(vote(false))).isInstanceOf(IOException.class);
        assertThat(failures).isEmpty();
    }

    @Test
    void failureOfTheServerPassesThroughAsItIs() {
        IllegalStateException failure = new IllegalStateException("no");
        RaftServer guarded =
                guard().incoming(
                                server(
                                        () -> {
                                            throw failure;
                                        },
                                        CompletableFuture::new));
        assertThatThrownBy(() -> guarded.requestVote(vote(true))).isSameAs(failure);
    }
}
