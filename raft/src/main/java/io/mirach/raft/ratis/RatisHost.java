package io.mirach.raft.ratis;

import io.mirach.raft.BackfillListener;
import io.mirach.raft.LogPosition;
import io.mirach.raft.MembersRefusedException;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHost;
import io.mirach.raft.RaftHostConfig;
import io.mirach.raft.ReadLease;
import io.mirach.raft.ReplicaLostException;
import io.mirach.raft.ReplicatedLog;
import io.mirach.raft.ReplicatedStateMachine;
import io.mirach.raft.ratis.disk.Rebirth;
import io.mirach.raft.ratis.disk.ReplicaFiles;
import io.mirach.raft.ratis.peer.PeerTransportFactory;
import io.mirach.raft.ratis.peer.VoteGuard;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.GroupManagementRequest;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachine;
import org.apache.ratis.util.ExitUtils;
import org.apache.ratis.util.LifeCycle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@link RaftHost} on Apache Ratis: one {@code RaftServer} per data dir, over a transport of our
 * own.
 */
public final class RatisHost implements RaftHost {
    private static final Logger LOG = LoggerFactory.getLogger(RatisHost.class);
    // How often the life of the server and its groups is looked at.
    private static final long WATCH_INTERVAL_NANOS = 200_000_000L;

    private final RaftHostConfig config;
    private final StateMachines stateMachines;
    private final FailureListener failureListener;
    private final BackfillListener backfillListener;
    private final LeaseTimer timer;
    private final LeaseKeeper leases;
    private final ExecutorService management;
    private final ExecutorService checkpoints;
    private final Map<UUID, RatisGroup<?>> groups = new ConcurrentHashMap<>();
    private final Map<UUID, RaftGroupMembers> initialMembers = new ConcurrentHashMap<>();
    private final ClientId clientId = ClientId.randomId();
    private final AtomicLong callIds = new AtomicLong();
    private final AtomicBoolean failed = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    // Opened for the check, until Ratis asks for them.
    private final Map<UUID, ReplicatedStateMachine<?>> opened = new ConcurrentHashMap<>();
    private volatile ReplicaFiles replicas;
    private volatile RaftServer server;

    private RatisHost(
            RaftHostConfig config,
            StateMachines stateMachines,
            ReadLease.Channel leaseChannel,
            FailureListener failureListener,
            BackfillListener backfillListener) {
        this.config = config;
        this.stateMachines = stateMachines;
        this.failureListener = failureListener;
        this.backfillListener = backfillListener;
        String shortId = config.peerId().toString().substring(0, 8);
        this.timer = LeaseTimer.system("mirach-lease-" + shortId);
        this.leases =
                new LeaseKeeper(
                        config.peerId(),
                        leaseChannel,
                        timer,
                        config.readLease(),
                        config.readLeaseInterval());
        this.management = executor("mirach-groups-" + shortId);
        this.checkpoints = executor("mirach-checkpoint-" + shortId);
    }

    private static ExecutorService executor(String name) {
        return Executors.newSingleThreadExecutor(
                task -> {
                    Thread thread = new Thread(task, name);
                    thread.setDaemon(true);
                    return thread;
                });
    }

    /** The same without anybody who backfills. */
    public static RaftHost start(
            RaftHostConfig config,
            StateMachines stateMachines,
            ReadLease.Channel leaseChannel,
            FailureListener failureListener)
            throws IOException {
        return start(config, stateMachines, leaseChannel, failureListener, BackfillListener.NONE);
    }

    /**
     * Starts a host with the groups that are on its disk. Blocks until they are open.
     *
     * @param stateMachines opens the state machine of each group, on a thread that may block
     * @param leaseChannel how this host asks its peers for read leases
     * @param failureListener told once if the host or a group stops by itself: end the process
     * @param backfillListener told of replicas that the log cannot bring up to date
     * @throws IOException if the address is taken or a group on disk cannot be opened; nothing is
     *     left running then
     */
    public static RaftHost start(
            RaftHostConfig config,
            StateMachines stateMachines,
            ReadLease.Channel leaseChannel,
            FailureListener failureListener,
            BackfillListener backfillListener)
            throws IOException {
        // Ratis would end the process if the address is taken. That is the caller's to decide.
        ExitUtils.disableSystemExit();
        RatisHost host =
                new RatisHost(
                        config, stateMachines, leaseChannel, failureListener, backfillListener);
        try {
            host.startServer();
            return host;
        } catch (Throwable t) {
            host.close();
            Throwable cause =
                    t instanceof CompletionException && t.getCause() != null ? t.getCause() : t;
            throw new IOException(
                    "Raft on " + config.address() + " did not start: " + cause.getMessage(), t);
        }
    }

    private void startServer() throws IOException {
        replicas = ReplicaFiles.open(config.storageDir());
        succession(new Peer(config.peerId(), config.address())).finishAll();
        checkReplicas();
        server =
                RaftServer.newBuilder()
                        .setServerId(PeerIds.raftPeerId(config.peerId()))
                        .setProperties(RatisSettings.of(config))
                        .setParameters(
                                PeerTransportFactory.parameters(
                                        RatisSettings.peers(
                                                config,
                                                new VoteGuard(
                                                        config.storageDir(),
                                                        this::failed,
                                                        new GuardedReplicas()))))
                        .setStateMachineRegistry(this::open)
                        .setOption(RaftStorage.StartupOption.RECOVER)
                        .build();
        server.start();
        groups.values().forEach(RatisGroup::beginServing);
        groups.values().forEach(RatisGroup::tendElections);
        leases.start();
        timer.schedule(this::watch, WATCH_INTERVAL_NANOS);
    }

    /** Ratis opens whatever it finds, so what is lost is set aside before. */
    private void checkReplicas() throws IOException {
        for (UUID id : replicas.found()) {
            openIfSound(id);
        }
    }

    /** Opens a group's state machine for Ratis, unless the replica proves to be lost. */
    private boolean openIfSound(UUID id) throws IOException {
        ReplicatedStateMachine<?> machine = stateMachines.open(id);
        opened.put(id, machine);
        if (replicas.isSound(id, machine, now())) {
            return true;
        }
        closeUnused(id);
        return false;
    }

    /** Called by Ratis when a group is created or found on disk. */
    private StateMachine open(RaftGroupId groupId) {
        UUID id = groupId.getUuid();
        RatisGroup<?> group = newGroup(id, opened.remove(id));
        groups.put(id, group);
        leases.add(group);
        return group.stateMachine();
    }

    private <R> RatisGroup<R> newGroup(UUID id, ReplicatedStateMachine<R> stateMachine) {
        return new RatisGroup<>(id, stateMachine, new GroupHost());
    }

    // ---- RaftHost ----

    @Override
    public UUID peerId() {
        return config.peerId();
    }

    @Override
    public Set<UUID> groups() {
        return groups.values().stream()
                .filter(RatisGroup::isServed)
                .map(RatisGroup::groupId)
                .collect(Collectors.toCollection(HashSet::new));
    }

    @Override
    public Map<UUID, String> lostGroups() {
        return replicas.lost();
    }

    @Override
    @SuppressWarnings("unchecked") // The contract leaves the reply type to the caller.
    public <R> Optional<ReplicatedLog<R>> log(UUID groupId) {
        return Optional.ofNullable((RatisGroup<R>) groups.get(groupId))
                .filter(RatisGroup::isServed)
                .map(group -> group);
    }

    @Override
    public CompletableFuture<Void> createGroup(RaftGroupMembers members) {
        if (members.peers().stream().noneMatch(peer -> peer.id().equals(config.peerId()))) {
            return CompletableFuture.failedFuture(
                    new IllegalArgumentException(
                            config.peerId() + " is no member of " + members.groupId()));
        }
        return manage(() -> create(members));
    }

    @Override
    public CompletableFuture<Void> createLearner(
            RaftGroupMembers members, Peer self, LogPosition without) {
        if (!self.id().equals(config.peerId())
                || members.peers().stream().anyMatch(peer -> peer.id().equals(self.id()))) {
            return CompletableFuture.failedFuture(
                    new IllegalArgumentException(self + " is to learn from " + members));
        }
        return manage(() -> create(members, self, without));
    }

    @Override
    public CompletableFuture<Void> succeed(UUID from, UUID to, Peer self) {
        if (!self.id().equals(config.peerId())) {
            return CompletableFuture.failedFuture(
                    new IllegalArgumentException(self + " is not this data dir"));
        }
        return manage(
                () -> {
                    if (groups.containsKey(to)) {
                        return;
                    }
                    if (groups.containsKey(from)) {
                        remove(from, false);
                    }
                    succession(self).make(from, to, now());
                    if (!openIfSound(to)) {
                        throw new ReplicaLostException(to, replicas.lost().get(to));
                    }
                    add(to, MemberChanges.peers(List.of(self), RaftPeerRole.FOLLOWER));
                });
    }

    private Succession succession(Peer self) {
        return new Succession(replicas, stateMachines, self);
    }

    private Instant now() {
        return Instant.ofEpochMilli(timer.wallTimeMs());
    }

    @Override
    public CompletableFuture<Void> removeGroup(UUID groupId, long configuration) {
        return manage(
                () -> {
                    RatisGroup<?> group = groups.get(groupId);
                    if (group != null && group.votingRight().isBeyond(configuration)) {
                        throw new MembersRefusedException(
                                MembersRefusedException.Reason.NOT_ALLOWED,
                                group.status().members(),
                                "the replica here is of a later configuration than "
                                        + configuration);
                    }
                    remove(groupId, true);
                });
    }

    private interface GroupTask {
        void run() throws IOException;
    }

    private CompletableFuture<Void> manage(GroupTask task) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        try {
            management.execute(
                    () -> {
                        try {
                            task.run();
                            done.complete(null);
                        } catch (Throwable t) {
                            done.completeExceptionally(t);
                        }
                    });
        } catch (RejectedExecutionException e) {
            done.completeExceptionally(new IOException("the Raft host is closed", e));
        }
        return done;
    }

    // ---- The management thread ----

    private void create(RaftGroupMembers members) throws IOException {
        UUID id = members.groupId();
        RatisGroup<?> existing = groups.get(id);
        if (existing != null && existing.hasMembers()) {
            return;
        }
        if (existing != null) {
            // A creation that was cut off before the members were written: nothing has happened in
            // it yet, and it starts again with them.
            remove(id, false);
        }
        if (replicas.lost().containsKey(id) || !openIfSound(id)) {
            // It may have acknowledged what it no longer has: under its old vote it never returns.
            throw new ReplicaLostException(id, replicas.lost().get(id));
        }
        initialMembers.put(id, members);
        try {
            add(id, MemberChanges.peers(members.peers(), RaftPeerRole.FOLLOWER));
        } finally {
            initialMembers.remove(id);
        }
    }

    private void create(RaftGroupMembers members, Peer self, LogPosition without)
            throws IOException {
        UUID id = members.groupId();
        RatisGroup<?> existing = groups.get(id);
        if (existing != null) {
            if (existing.votingRight().isLearning()) {
                return;
            }
            if (existing.votingRight().isVoterSince(without.index())) {
                throw new IllegalStateException("the replica of " + id + " here has its vote");
            }
            // What was left of a former member. It knows nothing that the others do not.
            remove(id, true);
        }
        List<RaftPeer> peers =
                new ArrayList<>(MemberChanges.peers(members.peers(), RaftPeerRole.FOLLOWER));
        peers.addAll(MemberChanges.peers(List.of(self), RaftPeerRole.LISTENER));
        ReplicatedStateMachine<?> machine = stateMachines.open(id);
        opened.put(id, machine);
        LogPosition state = machine.durablePosition();
        try {
            replicas.create(
                    id,
                    InitialMembers.entry(members, Optional.of(self), without),
                    Math.max(without.term(), state.term()),
                    new Rebirth(without.index(), state.index()));
        } catch (IOException | RuntimeException e) {
            closeUnused(id);
            throw e;
        }
        add(id, peers);
    }

    private void closeUnused(UUID id) {
        ReplicatedStateMachine<?> unused = opened.remove(id);
        if (unused != null) {
            unused.close();
        }
    }

    /** Has Ratis open a group, with what is on disk of it. */
    private void add(UUID id, List<RaftPeer> peers) throws IOException {
        RaftGroup group = RaftGroup.valueOf(PeerIds.raftGroupId(id), peers);
        try {
            // format=false recovers what an earlier, cut off creation has left, and formats only a
            // directory that is empty.
            check(
                    server.groupManagement(
                            GroupManagementRequest.newAdd(
                                    clientId,
                                    server.getId(),
                                    callIds.incrementAndGet(),
                                    group,
                                    false)));
            groups.get(id).beginServing();
            groups.get(id).tendElections();
        } catch (IOException | RuntimeException e) {
            closeUnused(id);
            RatisGroup<?> half = groups.remove(id);
            if (half != null) {
                half.beginClose();
                half.endClose();
            }
            throw e;
        }
    }

    private void remove(UUID id, boolean deleteLog) throws IOException {
        RatisGroup<?> group = groups.get(id);
        if (group == null) {
            if (deleteLog) {
                replicas.remove(id);
            }
            return;
        }
        group.beginClose();
        check(
                server.groupManagement(
                        GroupManagementRequest.newRemove(
                                clientId,
                                server.getId(),
                                callIds.incrementAndGet(),
                                PeerIds.raftGroupId(id),
                                false,
                                false)));
        group.endClose();
        if (deleteLog) {
            replicas.remove(id);
        }
        groups.remove(id, group);
    }

    private static void check(RaftClientReply reply) throws IOException {
        if (!reply.isSuccess()) {
            throw reply.getException() == null
                    ? new IOException("Ratis refused without a reason")
                    : reply.getException();
        }
    }

    @Override
    public Duration syncTime() {
        return SyncTimes.of(serverId()).recent();
    }

    private String serverId() {
        return PeerIds.raftPeerId(config.peerId()).toString();
    }

    @Override
    public ReadLease readLease() {
        return leases;
    }

    // ---- The end ----

    private void watch() {
        if (closed.get()) {
            return;
        }
        LifeCycle.State state = server.getLifeCycleState();
        if (state.isClosingOrClosed() || state == LifeCycle.State.EXCEPTION) {
            failed("The Raft server stopped by itself: " + state, new IllegalStateException());
        }
        for (RatisGroup<?> group : groups.values()) {
            group.tendElections();
            if (group.stoppedByItself()) {
                failed(
                        "Group " + group.groupId() + " stopped by itself",
                        new IllegalStateException());
            }
        }
        timer.schedule(this::watch, WATCH_INTERVAL_NANOS);
    }

    private void failed(String what, Throwable cause) {
        if (closed.get() || !failed.compareAndSet(false, true)) {
            return;
        }
        LOG.error("{}: this process must end", what, cause);
        failureListener.failed(what, cause);
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        List<RatisGroup<?>> open = new ArrayList<>(groups.values());
        open.forEach(RatisGroup::beginClose);
        management.shutdown();
        if (server != null) {
            try {
                server.close();
            } catch (IOException e) {
                LOG.warn("The Raft server did not close cleanly", e);
            }
        }
        open = new ArrayList<>(groups.values());
        open.forEach(RatisGroup::beginClose);
        open.forEach(RatisGroup::endClose);
        opened.values().forEach(ReplicatedStateMachine::close);
        checkpoints.shutdown();
        leases.close();
        timer.close();
        SyncTimes.forget(serverId());
    }

    /** What the guard of votes sees of the groups. */
    private final class GuardedReplicas implements VoteGuard.Replicas {
        @Override
        public boolean mayVote(UUID groupId) {
            RatisGroup<?> group = groups.get(groupId);
            return group != null && group.votingRight().mayVote();
        }

        @Override
        public void excluded(UUID groupId) {
            RatisGroup<?> group = groups.get(groupId);
            if (group != null) {
                LOG.info("The replica of {} here belongs to the group no more", groupId);
                group.votingRight().excluded(true);
            }
        }

        @Override
        public void led(UUID groupId) {
            RatisGroup<?> group = groups.get(groupId);
            if (group != null) {
                group.votingRight().excluded(false);
            }
        }
    }

    /** What groups see of their host. */
    private final class GroupHost implements RatisGroup.Host {
        @Override
        public RaftHostConfig config() {
            return config;
        }

        @Override
        public LeaseKeeper leases() {
            return leases;
        }

        @Override
        public long nanoTime() {
            return timer.nanoTime();
        }

        @Override
        public Executor checkpoints() {
            return checkpoints;
        }

        @Override
        public Optional<RaftGroupMembers> initialMembers(UUID groupId) {
            return Optional.ofNullable(initialMembers.get(groupId));
        }

        @Override
        public void lacksEntries(UUID groupId, LogPosition firstAvailable) {
            backfillListener.replicaNeedsBackfill(groupId, firstAvailable);
        }

        @Override
        public void followerLacksEntries(UUID groupId, UUID follower) {
            backfillListener.followerNeedsBackfill(groupId, follower);
        }

        @Override
        public void failed(String what, Throwable cause) {
            RatisHost.this.failed(what, cause);
        }
    }
}
