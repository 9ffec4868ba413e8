package io.mirach.server.chunk;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Members;
import io.mirach.raft.Peer;
import io.mirach.raft.RefusedException;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/** A log without peers: what is proposed is applied, at once or when the test says so. */
final class DirectLog implements ReplicatedLog<ChunkReply> {
    private record Proposal(ByteBuf command, CompletableFuture<ChunkReply> reply) {}

    final List<UUID> transfers = new ArrayList<>();
    final List<UUID> followers = new ArrayList<>();
    private final ChunkStateMachine machine;
    private final List<Proposal> held = new ArrayList<>();
    private boolean holding;
    private RuntimeException refusal;
    private RefusedException readRefusal;
    private long nextIndex;

    DirectLog(ChunkStateMachine machine) {
        this.machine = machine;
        this.nextIndex = machine.appliedPosition().index() + 1;
    }

    void hold() {
        holding = true;
    }

    void release() {
        holding = false;
        List<Proposal> all = List.copyOf(held);
        held.clear();
        all.forEach(proposal -> apply(proposal.command(), proposal.reply()));
    }

    void refuse(RuntimeException e) {
        refusal = e;
    }

    void refuseReads(RefusedException e) {
        readRefusal = e;
    }

    @Override
    public UUID groupId() {
        return machine.groupId();
    }

    @Override
    public CompletableFuture<ChunkReply> propose(ByteBuf command) {
        CompletableFuture<ChunkReply> reply = new CompletableFuture<>();
        if (refusal != null) {
            command.release();
            reply.completeExceptionally(refusal);
        } else if (holding) {
            held.add(new Proposal(command, reply));
        } else {
            apply(command, reply);
        }
        return reply;
    }

    private void apply(ByteBuf command, CompletableFuture<ChunkReply> reply) {
        try {
            List<ChunkReply> replies =
                    machine.apply(new LogPosition(1, nextIndex++), List.of(command));
            reply.complete(replies.get(0));
        } finally {
            command.release();
        }
    }

    @Override
    public CompletableFuture<Void> readable(boolean strict) {
        return readRefusal == null
                ? CompletableFuture.completedFuture(null)
                : CompletableFuture.failedFuture(readRefusal);
    }

    @Override
    public LogPin pin(long index, LongSupplier maxLogBytes) {
        return () -> {};
    }

    @Override
    public ReplicaStatus status() {
        return new ReplicaStatus(
                groupId(),
                ReplicaStatus.Role.LEADER,
                1,
                Optional.empty(),
                machine.appliedPosition(),
                machine.durablePosition(),
                nextIndex - 1,
                0,
                0,
                followers.stream()
                        .map(peer -> new ReplicaStatus.Follower(peer, 1, 0, false))
                        .toList(),
                new Members(Set.copyOf(followers), Set.of(), false),
                -1);
    }

    @Override
    public CompletableFuture<LogPosition> changeMembers(
            Set<UUID> expectedVoters, List<Peer> voters, List<Peer> learners) {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> transferLeadership(UUID peer) {
        transfers.add(peer);
        return CompletableFuture.completedFuture(null);
    }
}
