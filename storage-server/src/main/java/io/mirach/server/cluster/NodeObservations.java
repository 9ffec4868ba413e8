package io.mirach.server.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.protocol.cluster.EndedExport;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.placement.LeaderView;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What the meta leader hears of nodes and gateways: soft state, gathered anew by each leader.
 * Thread-safe.
 */
public final class NodeObservations {
    /** After so long without a heartbeat a node counts as down. */
    public static final long NODE_DOWN_MS = 5_000;

    /** After so long without an announcement a gateway counts as down. */
    public static final long GATEWAY_DOWN_MS = 15_000;

    // Entries that a follower may lack and still be called up to date: what is under way.
    private static final long CAUGHT_UP_ENTRIES = 256;

    private record Heard(NodeHeartbeat heartbeat, long atNanos) {}

    private record HeardGateway(List<EndedExport> ended, long atNanos) {}

    private record Led(UUID leader, long sinceNanos) {}

    private final LongSupplier nanoTime;
    // Guarded by this.
    private final Map<String, Heard> nodes = new HashMap<>();
    private final Map<String, HeardGateway> gateways = new HashMap<>();
    private final Map<UUID, Led> leaders = new HashMap<>();
    private long leadingSinceNanos;

    public NodeObservations(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.leadingSinceNanos = nanoTime.getAsLong();
    }

    /** This node has begun to lead the meta group: what was heard before is of no use. */
    public synchronized void begin() {
        nodes.clear();
        gateways.clear();
        leaders.clear();
        leadingSinceNanos = nanoTime.getAsLong();
    }

    /** For how long this node has gathered. */
    public synchronized long gatheringMs() {
        return TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - leadingSinceNanos);
    }

    public synchronized void heard(NodeHeartbeat heartbeat) {
        long now = nanoTime.getAsLong();
        nodes.put(heartbeat.node().name(), new Heard(heartbeat, now));
        notifyAll();
        for (NodeHeartbeat.ReplicaReport report : heartbeat.replicas()) {
            ReplicaStatus status = report.status();
            if (status.role() == ReplicaStatus.Role.LEADER) {
                Led led = leaders.get(status.groupId());
                if (led == null || !led.leader().equals(report.dataDir())) {
                    leaders.put(status.groupId(), new Led(report.dataDir(), now));
                }
            }
        }
    }

    /** Blocks until a node is heard, or for a while. */
    public synchronized void awaitNews(long atMostMs) throws InterruptedException {
        wait(atMostMs);
    }

    /**
     * @param ended the exports that were taken from it
     */
    public synchronized void heardGateway(String name, List<EndedExport> ended) {
        gateways.put(name, new HeardGateway(List.copyOf(ended), nanoTime.getAsLong()));
    }

    /** The exports that were taken from a gateway, as it last said. */
    public synchronized List<EndedExport> endedExports(String gateway) {
        HeardGateway heard = gateways.get(gateway);
        return heard == null ? List.of() : heard.ended();
    }

    /** Somebody tries to move a group's leader: it rests anew. */
    public synchronized void moved(UUID raftGroupId) {
        leaders.computeIfPresent(
                raftGroupId, (id, led) -> new Led(led.leader(), nanoTime.getAsLong()));
    }

    /** Milliseconds since a node was heard; empty if it never was. */
    public synchronized OptionalLong lastSeenMs(String node) {
        Heard heard = nodes.get(node);
        return heard == null ? OptionalLong.empty() : OptionalLong.of(ageMs(heard.atNanos()));
    }

    public synchronized OptionalLong gatewayLastSeenMs(String gateway) {
        HeardGateway heard = gateways.get(gateway);
        return heard == null ? OptionalLong.empty() : OptionalLong.of(ageMs(heard.atNanos()));
    }

    public boolean isUp(String node) {
        OptionalLong seen = lastSeenMs(node);
        return seen.isPresent() && seen.getAsLong() <= NODE_DOWN_MS;
    }

    /** One that a new leader has not heard yet is granted a full term. */
    public boolean isGatewayUp(String gateway) {
        OptionalLong seen = gatewayLastSeenMs(gateway);
        return seen.orElseGet(this::gatheringMs) <= GATEWAY_DOWN_MS;
    }

    /** The last heartbeat of a node, however old. */
    public synchronized Optional<NodeHeartbeat> of(String node) {
        return Optional.ofNullable(nodes.get(node)).map(Heard::heartbeat);
    }

    /** Whether every node of the map has been heard, or has had time enough. */
    public boolean complete(ClusterImage image) {
        return gatheringMs() > NODE_DOWN_MS
                || image.nodes().keySet().stream().allMatch(n -> lastSeenMs(n).isPresent());
    }

    /** What a live node last said of its replica of a group. */
    public Optional<ReplicaStatus> replica(Replica replica, UUID raftGroupId) {
        return report(replica, raftGroupId).map(NodeHeartbeat.ReplicaReport::status);
    }

    /** How far a live node is with bringing up its replica of a group, if it is about it. */
    public Optional<NodeHeartbeat.Backfill> backfill(Replica replica, UUID raftGroupId) {
        if (!isUp(replica.node())) {
            return Optional.empty();
        }
        return of(replica.node()).stream()
                .flatMap(heartbeat -> heartbeat.backfills().stream())
                .filter(backfill -> backfill.dataDir().equals(replica.dataDir()))
                .filter(backfill -> backfill.raftGroupId().equals(raftGroupId))
                .findFirst();
    }

    /** See {@link #replica}. */
    public Optional<NodeHeartbeat.ReplicaReport> report(Replica replica, UUID raftGroupId) {
        if (!isUp(replica.node())) {
            return Optional.empty();
        }
        return of(replica.node()).stream()
                .flatMap(heartbeat -> heartbeat.replicas().stream())
                .filter(report -> report.dataDir().equals(replica.dataDir()))
                .filter(report -> report.status().groupId().equals(raftGroupId))
                .findFirst();
    }

    /** The leader's own view: of all live replicas that say they lead, the newest term's. */
    public Optional<ReplicaStatus> leader(Iterable<Replica> replicas, UUID raftGroupId) {
        ReplicaStatus newest = null;
        for (Replica replica : replicas) {
            ReplicaStatus status = replica(replica, raftGroupId).orElse(null);
            if (status != null
                    && status.role() == ReplicaStatus.Role.LEADER
                    && (newest == null || status.term() > newest.term())) {
                newest = status;
            }
        }
        return Optional.ofNullable(newest);
    }

    /** The leaders of the map's placement groups, for {@code PlacementDriver}. */
    public Map<PlacementGroupId, LeaderView> leaders(ClusterImage image) {
        Map<PlacementGroupId, LeaderView> views = new HashMap<>();
        for (PlacementGroup group : image.placementGroups().values()) {
            view(image, group.raftGroupId(), group.replicaSet().replicas())
                    .ifPresent(view -> views.put(group.id(), view));
        }
        return views;
    }

    /** The leader of the meta group, for {@code PlacementDriver}. */
    public Optional<LeaderView> metaLeader(ClusterImage image) {
        return view(image, image.metaGroupId(), image.metaReplicas().replicas());
    }

    private Optional<LeaderView> view(
            ClusterImage image, UUID raftGroupId, List<Replica> replicas) {
        return leader(replicas, raftGroupId)
                .flatMap(
                        status ->
                                replicas.stream()
                                        .filter(r -> leads(r, status))
                                        .findFirst()
                                        .map(r -> view(image, r.dataDir(), status, replicas)));
    }

    private boolean leads(Replica replica, ReplicaStatus leader) {
        return replica(replica, leader.groupId()).filter(leader::equals).isPresent();
    }

    private LeaderView view(
            ClusterImage image, UUID leader, ReplicaStatus status, List<Replica> replicas) {
        Set<UUID> caughtUp = new HashSet<>();
        for (ReplicaStatus.Follower follower : status.followers()) {
            boolean up =
                    image.nodeOfDataDir(follower.peer()).filter(n -> isUp(n.name())).isPresent();
            if (up
                    && !follower.needsBackfill()
                    && status.commitIndex() - follower.matchIndex() <= CAUGHT_UP_ENTRIES) {
                caughtUp.add(follower.peer());
            }
        }
        Set<UUID> lost = new HashSet<>();
        Set<UUID> up = new HashSet<>();
        for (Replica replica : replicas) {
            if (isUp(replica.node())) {
                up.add(replica.dataDir());
                replica(replica, status.groupId())
                        .filter(own -> own.role() == ReplicaStatus.Role.LOST)
                        .ifPresent(own -> lost.add(replica.dataDir()));
            }
        }
        return new LeaderView(
                leader,
                caughtUp,
                stableMs(status.groupId(), leader),
                new LeaderView.Members(
                        // Half of a change says nothing yet.
                        status.members().changing() ? Set.of() : status.members().voters(),
                        status.members().learners(),
                        lost,
                        up));
    }

    private synchronized long stableMs(UUID raftGroupId, UUID leader) {
        Led led = leaders.get(raftGroupId);
        return led == null || !led.leader().equals(leader) ? 0 : ageMs(led.sinceNanos());
    }

    private long ageMs(long sinceNanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - sinceNanos);
    }
}
