package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.RoleChange;
import io.mirach.raft.ratis.disk.AppliedMark;
import io.mirach.raft.ratis.disk.MembersFile;
import io.mirach.raft.ratis.disk.Rebirth;
import io.mirach.raft.ratis.peer.PeerAppender;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.RaftClientAsynchronousProtocol;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.TransferLeadershipRequest;
import org.apache.ratis.protocol.exceptions.LeaderNotReadyException;
import org.apache.ratis.protocol.exceptions.LeaderSteppingDownException;
import org.apache.ratis.protocol.exceptions.NotLeaderException;
import org.apache.ratis.protocol.exceptions.ResourceUnavailableException;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.util.JavaUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One replica of one group: its proposer, its state machine and its place in Ratis. Thread-safe.
 *
 * @param <R> the reply type of the state machine
 */
final class RatisGroup<R>
        implements ReplicatedLog<R>,
                LeaseSubject,
                EntryStateMachine.Listener,
                Proposer.EntryLog<R> {
    private static final Logger LOG = LoggerFactory.getLogger(RatisGroup.class);

    /** What a group needs of its host. */
    interface Host {
        RaftHostConfig config();

        LeaseKeeper leases();

        long nanoTime();

        /** Where checkpoints are taken; they block. */
        Executor checkpoints();

        /** The members to begin with, if the group is being created. */
        Optional<RaftGroupMembers> initialMembers(UUID groupId);

        void lacksEntries(UUID groupId, LogPosition firstAvailable);

        void followerLacksEntries(UUID groupId, UUID follower);

        void failed(String what, Throwable cause);
    }

    /**
     * The newest time that this replica was elected.
     *
     * @param election counts them
     * @param nanos a time not before it
     */
    private record Elected(long election, long term, long nanos) {}

    /** A command may be this much larger than an entry is meant to be. */
    static final int COMMAND_SLACK_BYTES = 64 << 10;

    // Below it, sending a further entry costs more than waiting for the one in flight.
    private static final int WORTHWHILE_BYTES = 48 << 10;

    private final UUID groupId;
    private final Host host;
    private final ReplicatedStateMachine<R> userStateMachine;
    private final EntryStateMachine<R> stateMachine;
    private final ExecutorService executor;
    private final Proposer<R> proposer;
    private final ClientId clientId = ClientId.randomId();
    private final AtomicLong callIds = new AtomicLong();
    private final ReplicaView view;
    private final Checkpoints checkpoints;
    private final VotingRight votingRight;
    private volatile RaftServer server;
    private volatile RaftServer.Division division;
    // Empty as long as the group has no members. Raised by the updater thread.
    private volatile Optional<AppliedMark> mark = Optional.empty();
    private final Object membersLock = new Object();
    // The newest that are known to be committed. Guarded by membersLock.
    private Optional<LogEntryProto> newestMembers = Optional.empty();
    private volatile boolean served;
    private volatile boolean closing;
    // Written under Ratis's lock of the division.
    private volatile Elected elected = new Elected(0, -1, 0);

    RatisGroup(UUID groupId, ReplicatedStateMachine<R> userStateMachine, Host host) {
        this.groupId = groupId;
        this.host = host;
        this.userStateMachine = userStateMachine;
        this.stateMachine = new EntryStateMachine<>(userStateMachine, this);
        this.executor =
                Executors.newSingleThreadExecutor(
                        task -> {
                            Thread thread = new Thread(task, "mirach-propose-" + shortId());
                            thread.setDaemon(true);
                            return thread;
                        });
        RaftHostConfig config = host.config();
        this.view = new ReplicaView(groupId, stateMachine, userStateMachine::durablePosition);
        this.votingRight = new VotingRight(config.peerId(), view);
        this.checkpoints =
                new Checkpoints(stateMachine, view, config, host.checkpoints(), this::failed);
        this.proposer =
                new Proposer<>(
                        new Proposer.Limits(
                                config.maxEntryBytes(),
                                config.maxEntryBytes() + COMMAND_SLACK_BYTES,
                                config.maxEntriesInFlight(),
                                Math.min(WORTHWHILE_BYTES, config.maxEntryBytes()),
                                config.maxQueuedBytes()),
                        executor,
                        this,
                        this::leaderHint);
    }

    private String shortId() {
        return groupId.toString().substring(0, 8);
    }

    EntryStateMachine<R> stateMachine() {
        return stateMachine;
    }

    // ---- ReplicatedLog ----

    @Override
    public UUID groupId() {
        return groupId;
    }

    @Override
    public CompletableFuture<R> propose(ByteBuf command) {
        return proposer.propose(command);
    }

    @Override
    public CompletableFuture<Void> readable(boolean strict) {
        return host.leases().readable(groupId, strict);
    }

    @Override
    public LogPin pin(long index, LongSupplier maxLogBytes) {
        return checkpoints.pin(index, maxLogBytes);
    }

    @Override
    public ReplicaStatus status() {
        return view.status();
    }

    @Override
    public CompletableFuture<Void> transferLeadership(UUID peer) {
        if (closing) {
            return CompletableFuture.failedFuture(proposer.refused(Reason.NO_SUCH_GROUP));
        }
        TransferLeadershipRequest request =
                new TransferLeadershipRequest(
                        clientId,
                        server.getId(),
                        division.getMemberId().getGroupId(),
                        callIds.incrementAndGet(),
                        PeerIds.raftPeerId(peer),
                        2 * host.config().electionTimeoutMax().toMillis());
        // Ratis waits for its own executor within this call, so it must not be the caller's thread.
        CompletableFuture<Void> done = new CompletableFuture<>();
        try {
            executor.execute(() -> transfer(request, done));
        } catch (RejectedExecutionException e) {
            done.completeExceptionally(proposer.refused(Reason.NO_SUCH_GROUP));
        }
        return done;
    }

    private void transfer(TransferLeadershipRequest request, CompletableFuture<Void> done) {
        CompletableFuture<RaftClientReply> replied;
        try {
            replied = server.transferLeadershipAsync(request);
        } catch (IOException | RuntimeException e) {
            replied = CompletableFuture.failedFuture(e);
        }
        replied.whenComplete(
                (reply, thrown) -> {
                    Throwable failure = failure(reply, thrown);
                    if (failure == null) {
                        done.complete(null);
                    } else if (failure instanceof NotLeaderException) {
                        done.completeExceptionally(proposer.refused(Reason.NOT_LEADER));
                    } else {
                        done.completeExceptionally(failure);
                    }
                });
    }

    @Override
    public CompletableFuture<LogPosition> changeMembers(
            Set<UUID> expectedVoters, List<Peer> voters, List<Peer> learners) {
        CompletableFuture<LogPosition> done = new CompletableFuture<>();
        try {
            executor.execute(
                    () -> {
                        if (!leads()) {
                            done.completeExceptionally(proposer.refused(Reason.NOT_LEADER));
                            return;
                        }
                        new MemberChanges(host.config().peerId(), server, division, view)
                                .change(
                                        clientId,
                                        callIds.incrementAndGet(),
                                        expectedVoters,
                                        voters,
                                        learners)
                                .whenComplete(
                                        (position, failure) -> {
                                            if (failure == null) {
                                                done.complete(position);
                                            } else {
                                                done.completeExceptionally(failure);
                                            }
                                        });
                    });
        } catch (RejectedExecutionException e) {
            done.completeExceptionally(proposer.refused(Reason.NO_SUCH_GROUP));
        }
        return done;
    }

    static Throwable failure(RaftClientReply reply, Throwable thrown) {
        if (thrown != null) {
            return JavaUtils.unwrapCompletionException(thrown);
        }
        return reply.isSuccess() ? null : reply.getException();
    }

    // ---- Proposer.EntryLog, on the propose thread ----

    @Override
    public void append(EntryBatch<R> batch) {
        // Not by the division's group: Ratis fails to list it while a learner becomes a voter.
        RaftClientRequest request =
                RaftClientRequest.newBuilder()
                        .setClientId(clientId)
                        .setServerId(server.getId())
                        .setGroupId(division.getMemberId().getGroupId())
                        .setCallId(callIds.incrementAndGet())
                        .setMessage(new EntryMessage(batch))
                        .setType(RaftClientRequest.writeRequestType())
                        .build();
        CompletableFuture<RaftClientReply> replied;
        try {
            replied = ((RaftClientAsynchronousProtocol) division).submitClientRequestAsync(request);
        } catch (IOException | RuntimeException e) {
            replied = CompletableFuture.failedFuture(e);
        }
        replied.whenComplete(
                (reply, thrown) -> {
                    // Applied batches are complete already: their replies never pass through Ratis.
                    if (!batch.isCompleted()) {
                        Throwable failure = failure(reply, thrown);
                        offLock(() -> batch.failed(refused(failure), failure));
                    }
                });
    }

    /** Ratis fails requests while it holds the division's lock; callers must not run under it. */
    private void offLock(Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            task.run();
        }
    }

    private RefusedException refused(Throwable failure) {
        if (failure instanceof NotLeaderException) {
            return proposer.refused(Reason.NOT_LEADER);
        }
        if (failure instanceof ResourceUnavailableException) {
            return proposer.refused(Reason.BACK_PRESSURED);
        }
        if (failure instanceof LeaderNotReadyException
                || failure instanceof LeaderSteppingDownException) {
            return proposer.refused(Reason.NOT_READY);
        }
        if (closing) {
            return proposer.refused(Reason.NO_SUCH_GROUP);
        }
        LOG.warn("An entry of {} was not appended: {}", groupId, String.valueOf(failure));
        return proposer.refused(Reason.NOT_READY);
    }

    // ---- LeaseSubject ----

    @Override
    public boolean alive() {
        return !closing && view.alive();
    }

    @Override
    public long currentTerm() {
        return view.currentTerm();
    }

    @Override
    public boolean leads() {
        return !closing && view.leads();
    }

    @Override
    public Optional<UUID> leaderHint() {
        return view.leader().filter(leader -> !leader.equals(host.config().peerId()));
    }

    @Override
    public List<Set<UUID>> configurations() {
        return view.configurations();
    }

    @Override
    public void mayAnswer(long election) {
        proposer.open(election);
    }

    @Override
    public void leadsNoMore(long election) {
        proposer.notLeader(election);
    }

    // ---- EntryStateMachine.Listener, on Ratis's threads ----

    @Override
    public void initializing(RaftServer server, RaftStorage storage) throws IOException {
        this.server = server;
        this.division = server.getDivision(PeerIds.raftGroupId(groupId));
        view.attach(division);
        Optional<RaftGroupMembers> members = host.initialMembers(groupId);
        Path current = currentDirectory(storage);
        if (members.isPresent()) {
            InitialMembers.write(members.get(), current);
        }
        Rebirth.read(current).ifPresent(rebirth -> votingRight.bornAt(rebirth.configuration()));
        synchronized (membersLock) {
            newestMembers = MembersFile.read(current);
        }
        if (MembersFile.exists(current)) {
            mark = Optional.of(AppliedMark.open(host.config().storageDir(), groupId));
        }
    }

    @Override
    public void leaderChanged(RaftPeerId leader) {
        if (leader.equals(server.getId())) {
            long next = elected.election + 1;
            elected = new Elected(next, currentTerm(), host.nanoTime());
            proposer.hold(next);
        } else {
            tellRole(new RoleChange(currentTerm(), false, Optional.of(PeerIds.uuid(leader))));
        }
    }

    @Override
    public void leaderReady(LogPosition firstEntry) {
        Elected now = elected;
        if (now.term != firstEntry.term()) {
            return; // Lost and won again meanwhile; the new term's first entry is on its way.
        }
        host.leases().began(groupId, now.election, now.term, now.nanos, firstEntry.index() == 0);
        tellRole(new RoleChange(firstEntry.term(), true, Optional.of(host.config().peerId())));
    }

    @Override
    public void notLeader() {
        view.leadsNoMore();
        long ended = elected.election;
        offLock(() -> proposer.notLeader(ended));
        host.leases().ended(groupId, Optional.empty());
        tellRole(new RoleChange(currentTerm(), false, Optional.empty()));
    }

    private void tellRole(RoleChange change) {
        try {
            executor.execute(() -> userStateMachine.roleChanged(change));
        } catch (RejectedExecutionException e) {
            LOG.debug("{} is closed and hears no more of {}", groupId, change);
        }
    }

    @Override
    public long election() {
        return elected.election;
    }

    @Override
    public void applied(long index) {
        mark.ifPresent(now -> now.raise(index));
        checkpoints.applied();
    }

    /**
     * Ratis writes what it applies, older entries too, over a newer configuration that a leader's
     * notice has named: then the newest is put in its place again.
     */
    @Override
    public void membersCommitted(LogEntryProto configuration) throws IOException {
        synchronized (membersLock) {
            LogEntryProto newest =
                    newestMembers
                            .filter(known -> known.getIndex() > configuration.getIndex())
                            .orElse(configuration);
            newestMembers = Optional.of(newest);
            MembersFile.write(currentDirectory(division.getRaftStorage()), newest);
            if (mark.isEmpty()) {
                mark = Optional.of(AppliedMark.open(host.config().storageDir(), groupId));
            }
        }
    }

    private static Path currentDirectory(RaftStorage storage) {
        return storage.getStorageDir().getCurrentDir().toPath();
    }

    @Override
    public void lacksEntries(LogPosition firstAvailable) {
        host.lacksEntries(groupId, firstAvailable);
    }

    @Override
    public void followerLacksEntries(RaftPeerId follower) {
        host.followerLacksEntries(groupId, PeerIds.uuid(follower));
    }

    @Override
    public void failed(String what, Throwable cause) {
        host.failed(what + " (group " + groupId + ")", cause);
        offLock(() -> proposer.abandon(cause));
    }

    // ---- The host ----

    @Override
    public void addAppender(PeerAppender appender) {
        view.addAppender(appender);
    }

    boolean hasMembers() {
        return view.hasMembers();
    }

    /** Ratis has started this replica. */
    void beginServing() {
        served = true;
    }

    boolean isServed() {
        return served && view.hasMembers();
    }

    /** Whether Ratis closed this replica though nobody here asked for it. */
    boolean stoppedByItself() {
        // One that is a member no more closes when it stands for election before it was held.
        return served && !closing && view.stopped() && votes();
    }

    private boolean votes() {
        return view.votesBeyond(Long.MIN_VALUE, host.config().peerId());
    }

    VotingRight votingRight() {
        return votingRight;
    }

    /** Has Ratis hold or resume this replica's elections, as its members say. */
    void tendElections() {
        if (!served || closing || !votingRight.isDue()) {
            return;
        }
        offLock(() -> votingRight.tend(server, clientId, callIds.incrementAndGet(), division));
    }

    /** Nothing is accepted any more; what Ratis has will still be completed by it. */
    void beginClose() {
        closing = true;
        checkpoints.close();
        proposer.close();
        host.leases().remove(groupId);
    }

    /** Ratis is done with this replica. */
    void endClose() {
        stateMachine.close();
        proposer.abandon(new CompletionException("the group was closed", null));
        executor.shutdown();
    }
}
