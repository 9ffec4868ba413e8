package io.mirach.raft.ratis.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.util.ProtoUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoteGuardTest {
    @TempDir Path directory;

    private final UUID group = UUID.randomUUID();
    private final List<String> failures = new CopyOnWriteArrayList<>();
    private final List<String> calls = new CopyOnWriteArrayList<>();

    private boolean mayVote = true;
    private final VoteGuard.Replicas replicas =
            new VoteGuard.Replicas() {
                @Override
                public boolean mayVote(UUID groupId) {
                    return mayVote;
                }

                @Override
                public void excluded(UUID groupId) {
                    calls.add("excluded");
                }

                @Override
                public void led(UUID groupId) {}
            };

    private VoteGuard guard() {
        return new VoteGuard(directory, (what, cause) -> failures.add(what), replicas);
    }

    private Path createGroupDirectory() throws IOException {
        Path current = directory.resolve(group.toString()).resolve("current");
        Files.createDirectories(current);
        Files.writeString(current.resolve("raft-meta"), "term=1\nvotedFor=\n");
        return current;
    }

    private RaftRpcRequestProto rpc() {
        return RaftRpcRequestProto.newBuilder()
                .setRaftGroupId(ProtoUtils.toRaftGroupIdProtoBuilder(RaftGroupId.valueOf(group)))
                .build();
    }

    private RequestVoteRequestProto vote(boolean preVote) {
        return RequestVoteRequestProto.newBuilder()
                .setServerRequest(rpc())
                .setPreVote(preVote)
                .build();
    }

    @Test
    void voteAndAppendOfOneGroupExcludeEachOther() throws IOException {
        createGroupDirectory();
        CountDownLatch appending = new CountDownLatch(1);
        VoteGuard guard = guard();
        Thread append =
                start(
                        () ->
                                guard.append(
                                        rpc(),
                                        () -> {
                                            calls.add("append begins");
                                            awaitUninterrupted(appending);
                                            calls.add("append ends");
                                            return null;
                                        }));
        await().until(() -> calls.contains("append begins"));
        Thread vote =
                start(
                        () ->
                                guard.vote(
                                        vote(false),
                                        () -> {
                                            calls.add("vote");
                                            return RequestVoteReplyProto.getDefaultInstance();
                                        }));
        await().until(() -> vote.getState() == Thread.State.BLOCKED);
        appending.countDown();
        await().until(() -> !append.isAlive() && !vote.isAlive());
        assertThat(calls).containsExactly("append begins", "append ends", "vote");
        assertThat(failures).isEmpty();
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
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
        Path vote = createGroupDirectory().resolve("raft-meta");
        // A link to itself cannot be opened by anybody, root included.
        Files.delete(vote);
        Files.createSymbolicLink(vote, vote);
        VoteGuard guard = guard();
        assertThatThrownBy(() -> guard.vote(vote(false), RequestVoteReplyProto::getDefaultInstance))
                .isInstanceOf(IOException.class);
        assertThat(failures).hasSize(1);
        assertThatThrownBy(() -> guard.asking(vote(false))).isInstanceOf(IOException.class);
        assertThat(failures).hasSize(2);
    }

    @Test
    void voteIsCopiedWithAChecksumBeforeItIsAnsweredOrAskedFor() throws IOException {
        Path current = createGroupDirectory();
        Path copy = current.resolve("raft-meta.copy");
        VoteGuard guard = guard();
        guard.vote(
                vote(false),
                () -> {
                    Files.writeString(current.resolve("raft-meta"), "term=2\nvotedFor=\n");
                    return RequestVoteReplyProto.getDefaultInstance();
                });
        assertThat(Files.readString(copy, StandardCharsets.ISO_8859_1)).contains("term=2");
        Files.writeString(current.resolve("raft-meta"), "term=3\nvotedFor=\n");
        guard.asking(vote(false));
        assertThat(Files.readString(copy, StandardCharsets.ISO_8859_1)).contains("term=3");
    }

    @Test
    void replicaWithoutAVoteNeitherGivesNorAsksForOne() throws IOException {
        createGroupDirectory();
        mayVote = false;
        for (boolean preVote : new boolean[] {false, true}) {
            assertThatThrownBy(
                            () ->
                                    guard().vote(
                                                    vote(preVote),
                                                    () -> {
                                                        calls.add("vote");
                                                        return null;
                                                    }))
                    .hasMessageContaining("has no vote");
            assertThatThrownBy(() -> guard().asking(vote(preVote)))
                    .hasMessageContaining("has no vote");
        }
        assertThat(calls).isEmpty();
    }

    @Test
    void replicaThatIsToldToShutDownIsExcludedInstead() {
        RequestVoteReplyProto reply =
                RequestVoteReplyProto.newBuilder().setTerm(7).setShouldShutdown(true).build();
        RequestVoteReplyProto passedOn = guard().answered(vote(true), reply);
        assertThat(passedOn.getShouldShutdown()).isFalse();
        assertThat(passedOn.getTerm()).isEqualTo(7);
        assertThat(calls).containsExactly("excluded");
    }

    @Test
    void preVoteNeedsNothingDurable() throws IOException {
        VoteGuard guard = guard();
        assertThat(guard.vote(vote(true), RequestVoteReplyProto::getDefaultInstance)).isNotNull();
        guard.asking(vote(true));
        assertThat(failures).isEmpty();
    }

    @Test
    void voteInAGroupThatIsBeingRemovedEndsNothing() {
        assertThatThrownBy(
                        () -> guard().vote(vote(false), RequestVoteReplyProto::getDefaultInstance))
                .isInstanceOf(IOException.class);
        assertThat(failures).isEmpty();
    }

    @Test
    void failureOfTheServerPassesThroughAsItIs() {
        IllegalStateException failure = new IllegalStateException("no");
        assertThatThrownBy(
                        () ->
                                guard().vote(
                                                vote(true),
                                                () -> {
                                                    throw failure;
                                                }))
                .isSameAs(failure);
    }
}
