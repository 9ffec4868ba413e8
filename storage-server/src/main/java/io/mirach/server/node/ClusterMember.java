package io.mirach.server.node;

import io.mirach.admin.ClusterView;
import io.mirach.client.routing.ClusterRouting;
import io.mirach.client.routing.RoutingConfig;
import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeConnections;
import io.mirach.client.transport.TransportConfig;
import io.mirach.model.ClusterImage;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.RaftHost;
import io.mirach.raft.ReadLease;
import io.mirach.raft.RoleChange;
import io.mirach.server.admin.AdminServer;
import io.mirach.server.admin.ClusterAdmin;
import io.mirach.server.admin.LeaderForwarding;
import io.mirach.server.admin.Outlook;
import io.mirach.server.chunk.ChunkService;
import io.mirach.server.chunk.PeerRoom;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.cluster.ClusterMap;
import io.mirach.server.cluster.ClusterService;
import io.mirach.server.cluster.GroupOrders;
import io.mirach.server.cluster.HeartbeatReply;
import io.mirach.server.cluster.MapFollowing;
import io.mirach.server.cluster.MetaGroup;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.cluster.PendingSeals;
import io.mirach.server.cluster.SealTerms;
import io.mirach.server.cluster.StoredBytesSurvey;
import io.mirach.server.maintenance.BackfillSource;
import io.mirach.server.maintenance.Backfills;
import io.mirach.server.maintenance.Certification;
import io.mirach.server.maintenance.Digests;
import io.mirach.server.maintenance.Repairs;
import io.mirach.server.maintenance.Scrubs;
import io.mirach.server.maintenance.Verification;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaReply;
import io.mirach.server.metadata.MetadataStateMachine;
import io.mirach.server.placement.ClusterSight;
import io.mirach.server.placement.PlacementDriver;
import io.mirach.server.placement.Step;
import io.mirach.server.reconcile.ClusterSteps;
import io.mirach.server.reconcile.Reconciler;
import io.mirach.server.store.Room;
import io.mirach.server.store.StoreMemory;
import io.mirach.server.telemetry.NodeMetrics;
import io.mirach.server.telemetry.ReplicaMetrics;
import io.mirach.server.transport.LeaseChannel;
import io.mirach.server.transport.NativeServer;
import io.mirach.server.transport.NativeServerConfig;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Everything that a node runs once it belongs to a cluster: its groups, the native protocol, the
 * cluster map, heartbeats, and, while it leads the meta group, the reconciler. Wiring only.
 */
public final class ClusterMember implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterMember.class);
    private static final Duration FORM_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration LEADER_SEARCH = Duration.ofSeconds(6);
    private static final long STALE_ANSWER_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long END_SECONDS = 5;
    private static final long HAND_OVER_SECONDS = 3;

    private final NodeIdentity identity;
    private final Deque<Runnable> opened;
    private final long replaceAfterMs;
    private final StorageNode self;
    private final ScheduledThreadPoolExecutor mapThread = thread("mirach-map");
    private final ScheduledThreadPoolExecutor nodeThread = thread("mirach-node");
    private final ScheduledThreadPoolExecutor reconcileThread = thread("mirach-reconcile");
    private final ScheduledThreadPoolExecutor countThread = thread("mirach-count");
    private final ScheduledThreadPoolExecutor backfillThread = thread("mirach-backfill-source");
    private final ExecutorService forwardingThread =
            Executors.newFixedThreadPool(2, new DefaultThreadFactory("mirach-forward", true));
    private final EventLoops loops;
    private final StoreMemory memory;
    private final NodeConnections connections;
    private final NodeConnections leaseConnections;
    private final ClusterMap map;
    private final MetaGroup meta;
    private final NodeObservations observations = new NodeObservations(System::nanoTime);
    private final AttachmentTerms terms;
    private final SealTerms sealTerms = new SealTerms(System::nanoTime);
    private final PeerRoom peerRoom = new PeerRoom(System::nanoTime);
    private final ChunkService chunks;
    private final Certification certification;
    private final Scrubs scrubs;
    private final Reconciler reconciler;
    private final Heartbeats heartbeats;
    private final ClusterAdmin admin;
    private final LeaderForwarding forwarding;
    // Its state machines call back while it opens.
    private volatile Optional<HostedGroups> groups = Optional.empty();

    /**
     * @param opened what has to be closed, the newest first; filled even if this fails
     */
    private ClusterMember(
            NodeConfig config,
            NodeIdentity identity,
            NodeMetrics metrics,
            RaftHost.FailureListener failureListener,
            Deque<Runnable> opened)
            throws IOException {
        this.identity = identity;
        this.opened = opened;
        this.replaceAfterMs = config.replication().replaceAfter().toMillis();
        this.self = identity.asStorageNode();
        this.terms = new AttachmentTerms(config.attachmentTerm(), System::nanoTime);
        UUID clusterId = identity.membership().orElseThrow().clusterId();
        opened.push(this::endThreads);
        this.memory = new StoreMemory(config.store());
        opened.push(memory::close);
        this.loops = EventLoops.start("mirach-io", config.eventLoops());
        opened.push(loops::close);
        MapCache cache = new MapCache(identity.firstDir(), nodeThread);
        this.map =
                new ClusterMap(
                        cache.read(clusterId).orElseGet(identity::bootstrapImage), mapThread);
        this.connections = connections(clusterId);
        this.leaseConnections = connections(clusterId);
        opened.push(leaseConnections::close);
        opened.push(connections::close);
        ClusterRouting routing =
                new ClusterRouting(map::image, connections, loops.next(), RoutingConfig.DEFAULT);
        this.meta = new MetaGroup(() -> groups.flatMap(HostedGroups::metaLog), routing);
        Verification verification =
                new Verification(
                        map::image,
                        connections::request,
                        observations,
                        new GroupOrders(routing),
                        reconcileThread);
        this.certification = new Certification(verification::compare, observations);
        this.scrubs =
                new Scrubs(
                        verification::scrub,
                        observations,
                        meta::propose,
                        config.replication().scrubEvery(),
                        System::nanoTime);
        this.reconciler =
                new Reconciler(
                        meta::ready,
                        this::plan,
                        new ClusterSteps(
                                map::image,
                                meta,
                                routing,
                                connections,
                                observations,
                                terms,
                                certification),
                        reconcileThread);
        Repairs repairs =
                new Repairs(
                        group -> groups.flatMap(hosted -> hosted.find(group)),
                        connections::request,
                        this::addressOfDataDir,
                        ByteBufAllocator.DEFAULT);
        this.chunks =
                new ChunkService(
                        config.chunks(),
                        peerRoom,
                        new PendingSeals(map),
                        repairs,
                        ByteBufAllocator.DEFAULT);
        Backfills backfills =
                new Backfills(
                        connections,
                        this::addressOfDataDir,
                        config.replication().backfillBytesPerSecond(),
                        ByteBufAllocator.DEFAULT);
        Digests digests =
                new Digests(
                        this::appliedIndex,
                        repairs,
                        new Digests.Pace(
                                config.replication().scrubBytesPerSecond(),
                                config.replication().backfillBytesPerSecond()),
                        ByteBufAllocator.DEFAULT);
        HostedGroups hosted =
                HostedGroups.start(
                        identity.dirs(),
                        new HostedDir.Surroundings(
                                config,
                                memory,
                                new MetaEvents(),
                                repairs,
                                leaseChannel(),
                                failureListener,
                                backfills,
                                digests),
                        chunks,
                        nodeThread);
        opened.push(hosted::close);
        opened.push(repairs::close);
        opened.push(backfills::close);
        opened.push(digests::close);
        opened.push(chunks::close);
        this.groups = Optional.of(hosted);
        DiskUsage usage = new DiskUsage(identity.dirs(), hosted::room, hosted::syncTime);
        this.heartbeats = new Heartbeats(self, hosted, usage, backfills, meta, map::image);
        ClusterService service =
                new ClusterService(self, map, meta, observations, terms, Clock.systemUTC());
        this.admin =
                new ClusterAdmin(
                        map,
                        meta,
                        observations,
                        terms,
                        service,
                        new StoredBytesSurvey(connections::request, observations),
                        verification,
                        scrubs,
                        new Sights(),
                        this::lastAnswer,
                        Clock.systemUTC());
        this.forwarding =
                new LeaderForwarding(config.name(), this::leaderHttpAddress, forwardingThread);
        NativeServer nativeServer =
                startNative(config, clusterId, hosted, service, digests, repairs, metrics);
        opened.push(nativeServer::close);
        metrics.showReplicas(
                () ->
                        new ReplicaMetrics.Observed(
                                hosted.reports(),
                                map.image(),
                                heartbeats.usage(),
                                backfills.progress()));
        map.onImage(cache::keep);
        map.onImage(hosted::serve);
        map.onImage(image -> reconciler.wake());
    }

    /** Opens what lies in the data dirs and begins to serve. Blocks. */
    static ClusterMember start(
            NodeConfig config,
            NodeIdentity identity,
            NodeMetrics metrics,
            RaftHost.FailureListener failureListener)
            throws IOException {
        Deque<Runnable> opened = new ArrayDeque<>();
        ClusterMember member;
        try {
            member = new ClusterMember(config, identity, metrics, failureListener, opened);
        } catch (IOException | RuntimeException e) {
            opened.forEach(Runnable::run);
            throw e;
        }
        member.heartbeats.start(member.nodeThread);
        member.reconciler.start();
        new MapFollowing(
                        member.map,
                        member.connections,
                        member.mapThread,
                        () -> member.groups.flatMap(HostedGroups::metaLog).isPresent())
                .start();
        return member;
    }

    private static ScheduledThreadPoolExecutor thread(String name) {
        ScheduledThreadPoolExecutor thread =
                new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory(name, true));
        thread.setRemoveOnCancelPolicy(true);
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        return thread;
    }

    private NodeConnections connections(UUID clusterId) {
        return new NodeConnections(
                loops, TransportConfig.DEFAULT, self.name(), () -> Optional.of(clusterId));
    }

    private LeaseChannel leaseChannel() {
        return new LeaseChannel(
                leaseConnections, this::addressOfDataDir, peerRoom, ByteBufAllocator.DEFAULT);
    }

    private Optional<String> addressOfDataDir(UUID dataDir) {
        return map.image().nodeOfDataDir(dataDir).map(StorageNode::nativeAddress);
    }

    private NativeServer startNative(
            NodeConfig config,
            UUID clusterId,
            HostedGroups hosted,
            ClusterService service,
            Digests digests,
            Repairs repairs,
            NodeMetrics metrics)
            throws IOException {
        Map<Opcode, RequestHandler> handlers = new EnumMap<>(Opcode.class);
        handlers.putAll(chunks.handlers());
        handlers.putAll(service.handlers());
        handlers.putAll(new NodeAgent(hosted).handlers());
        handlers.putAll(
                new StoredCounts(hosted::machine, countThread, System::nanoTime).handlers());
        BackfillSource source =
                new BackfillSource(
                        hosted::find,
                        repairs,
                        backfillThread,
                        System::nanoTime,
                        ByteBufAllocator.DEFAULT);
        source.start();
        handlers.putAll(source.handlers());
        handlers.putAll(digests.handlers());
        handlers.putAll(repairs.handlers());
        handlers.replaceAll(metrics.requests()::measured);
        handlers.put(
                Opcode.LEASE_CLAIMS,
                LeaseChannel.handler(
                        this::readLease,
                        dataDir -> hosted.room(dataDir) == Room.LOW,
                        ByteBufAllocator.DEFAULT));
        return NativeServer.start(
                NativeServerConfig.at(config.nativeAddress()),
                loops,
                handlers,
                config.name(),
                () -> Optional.of(clusterId));
    }

    private OptionalLong appliedIndex(UUID dataDir, UUID raftGroupId) {
        return groups.map(hosted -> hosted.appliedIndex(dataDir, raftGroupId))
                .orElseGet(OptionalLong::empty);
    }

    private Optional<ReadLease> readLease(UUID dataDir) {
        return groups.flatMap(hosted -> hosted.readLease(dataDir));
    }

    /** Meta's state machine tells. */
    private final class MetaEvents implements MetadataStateMachine.Listener {
        private final AtomicLong leadsInTerm = new AtomicLong(-1);

        @Override
        public void applied(ClusterImage image) {
            map.publish(image);
        }

        @Override
        public void roleChanged(RoleChange change) {
            if (change.leads() && leadsInTerm.getAndSet(change.term()) != change.term()) {
                observations.begin();
                certification.begin();
                scrubs.begin();
                terms.begin();
                sealTerms.begin();
                reconciler.wake();
            }
        }
    }

    /**
     * What is to be done; on the reconciler's thread, at least once per second while this leads.
     */
    private List<Step> plan() {
        ClusterImage image = map.image();
        terms.observe(image);
        ClusterSight sight = new Sights().sight(image);
        scrubs.tend(image, sight);
        List<Step> steps = new ArrayList<>(PlacementDriver.plan(image, sight));
        steps.addAll(sealTerms.overdue(image));
        return steps;
    }

    /** What this node, while it leads, sees of the others. */
    private final class Sights implements Outlook {
        @Override
        public ClusterSight sight(ClusterImage image) {
            return observations.sight(
                    image,
                    replaceAfterMs,
                    System.currentTimeMillis(),
                    migration -> terms.leftMs(migration) == 0);
        }

        @Override
        public long replaceAfterMs() {
            return replaceAfterMs;
        }
    }

    private Optional<HeartbeatReply> lastAnswer() {
        return heartbeats.lastAnswer().map(Heartbeats.Answer::reply);
    }

    /** Blocks for a few seconds when it has to look for the leader. */
    private Optional<String> leaderHttpAddress(boolean fresh) {
        Optional<Heartbeats.Answer> last = heartbeats.lastAnswer();
        if (!fresh
                && last.isPresent()
                && System.nanoTime() - last.get().atNanos() < STALE_ANSWER_NANOS) {
            return Optional.of(last.get().reply().leaderHttpAddress());
        }
        try {
            return Optional.of(
                    heartbeats
                            .beat(LEADER_SEARCH)
                            .get(LEADER_SEARCH.toMillis() + 1000, TimeUnit.MILLISECONDS)
                            .leaderHttpAddress());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        } catch (Exception e) {
            return Optional.empty();
        }
    }

    /** Creates this node's replica of the meta group, if it is to have one. Only while forming. */
    void createMetaReplica() {
        if (!identity.isMetaMember()) {
            return;
        }
        DirIdentity first = identity.membership().orElseThrow();
        List<Peer> peers =
                first.metaMembers().stream()
                        .map(m -> new Peer(m.dataDir(), m.raftAddress()))
                        .toList();
        await(
                groups.orElseThrow()
                        .create(first.dirId(), new RaftGroupMembers(first.metaGroupId(), peers)));
    }

    /** Logs the first map and waits until it is known here. */
    void form(MetaCommand.FormCluster form) {
        await(meta.change(form, FORM_TIMEOUT).thenApply(MetaReply::orThrow));
        await(map.await(image -> image.version() > 0, FORM_TIMEOUT.toMillis()));
    }

    private static void await(CompletableFuture<?> done) {
        try {
            done.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof MirachException known) {
                throw known;
            }
            throw new MirachException(
                    ErrorCode.INTERNAL, "the meta group cannot be made: " + e.getCause(), e);
        }
    }

    ClusterImage image() {
        return map.image();
    }

    ClusterView view() {
        return admin.cluster();
    }

    AdminServer.Membership admin() {
        return new AdminServer.Membership(admin, forwarding);
    }

    @Override
    public void close() {
        // First those who give orders.
        stopThreads();
        groups.ifPresent(ClusterMember::handOver);
        opened.forEach(Runnable::run);
    }

    /** So that the groups pause for a moment, and not until an election. */
    private static void handOver(HostedGroups hosted) {
        try {
            hosted.handOver().get(HAND_OVER_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.info("not every leadership was handed over: {}", e.toString());
        }
    }

    private void stopThreads() {
        for (ExecutorService thread :
                List.of(
                        reconcileThread,
                        nodeThread,
                        mapThread,
                        countThread,
                        backfillThread,
                        forwardingThread)) {
            thread.shutdownNow();
        }
    }

    private void endThreads() {
        stopThreads();
        try {
            nodeThread.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
