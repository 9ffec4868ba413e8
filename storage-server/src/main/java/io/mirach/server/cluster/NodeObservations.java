package io.mirach.server.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.model.Migration;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.protocol.cluster.EndedExport;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.placement.ClusterSight;
import io.mirach.server.placement.LeaderView;
import io.mirach.server.store.Room;
import java.util.ArrayList;
import java.util.Comparator;
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
import java.util.function.Predicate;
import java.util.stream.Stream;

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

    // Longer, and a follower that was current may be gone, though its node was heard a moment ago.
    private static final long IN_CONTACT_MS = 3_000;

    private record Heard(NodeHeartbeat heartbeat, long atNanos) {}

    private record HeardGateway(List<EndedExport> ended, long atNanos) {}

    private record Led(UUID leader, long sinceNanos) {}

    private final LongSupplier nanoTime;
    // Guarded by this.
    private final Map<String, Heard> nodes = new HashMap<>();
    private final Map<String, HeardGateway> gateways = new HashMap<>();
    private final Map<UUID, Led> leaders = new HashMap<>();
    private final Map<ClusterSight.Held, String> suspects = new HashMap<>();
    private final Map<ClusterSight.Held, Long> madeAnew = new HashMap<>();
    private final Map<UUID, Long> configurations = new HashMap<>();
    private final SlowDisks slowDisks = new SlowDisks();
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
        suspects.clear();
        madeAnew.clear();
        configurations.clear();
        slowDisks.clear();
        leadingSinceNanos = nanoTime.getAsLong();
    }

    /** For how long this node has gathered. */
    public synchronized long gatheringMs() {
        return TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - leadingSinceNanos);
    }

    public synchronized void heard(NodeHeartbeat heartbeat) {
        long now = nanoTime.getAsLong();
        nodes.put(heartbeat.node().name(), new Heard(heartbeat, now));
        slowDisks.heard(heartbeat.dirs(), now);
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

    /**
     * A replica does not hold what others hold: it is to be made anew. Forgotten when another node
     * leads the meta group: whoever found it finds it again.
     */
    public synchronized void suspect(UUID raftGroupId, UUID dataDir, String why) {
        suspects.put(new ClusterSight.Held(dataDir, raftGroupId), why);
    }

    /** A data dir has a new replica: what was heard of the one before counts no more. */
    public synchronized void madeAnew(UUID raftGroupId, UUID dataDir) {
        ClusterSight.Held held = new ClusterSight.Held(dataDir, raftGroupId);
        suspects.remove(held);
        madeAnew.put(held, nanoTime.getAsLong());
    }

    /**
     * A group's members were changed: what its leader said before counts no more. Else the next
     * plan would rest on members that are gone, and undo what this one has done.
     *
     * @param index of the configuration that is in force now
     */
    public synchronized void configured(UUID raftGroupId, long index) {
        configurations.merge(raftGroupId, index, Math::max);
    }

    /** The data dirs whose disks are much slower than the others', or were a moment ago. */
    public synchronized Set<UUID> slowDisks() {
        return slowDisks.slow(nanoTime.getAsLong());
    }

    private synchronized boolean isOutdated(ReplicaStatus leader) {
        return leader.configurationIndex() < configurations.getOrDefault(leader.groupId(), -1L);
    }

    private synchronized boolean isOutdated(StorageNode node, UUID dataDir, UUID raftGroupId) {
        Long since = madeAnew.get(new ClusterSight.Held(dataDir, raftGroupId));
        Heard heard = nodes.get(node.name());
        return since != null && heard != null && heard.atNanos() - since <= 0;
    }

    private synchronized NodeHeartbeat.ReplicaReport withSuspicion(
            NodeHeartbeat.ReplicaReport report) {
        String why =
                suspects.get(new ClusterSight.Held(report.dataDir(), report.status().groupId()));
        return why == null ? report : report.with(report.damage().beyondRepair(why));
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
                .findFirst()
                .map(this::withSuspicion);
    }

    /**
     * The leader's own view: of all live replicas that say they lead, the newest term's; wherever
     * it is, for a change of members may have outrun the map.
     */
    public Optional<ReplicaStatus> leader(UUID raftGroupId) {
        return leading(raftGroupId).map(NodeHeartbeat.ReplicaReport::status);
    }

    private Optional<NodeHeartbeat.ReplicaReport> leading(UUID raftGroupId) {
        return live().flatMap(heartbeat -> heartbeat.replicas().stream())
                .filter(report -> report.status().groupId().equals(raftGroupId))
                .filter(report -> report.status().role() == ReplicaStatus.Role.LEADER)
                .max(Comparator.comparingLong(report -> report.status().term()));
    }

    private synchronized Stream<NodeHeartbeat> live() {
        return nodes.values().stream()
                .filter(heard -> ageMs(heard.atNanos()) <= NODE_DOWN_MS)
                .map(Heard::heartbeat)
                .toList()
                .stream();
    }

    /**
     * All that {@code PlacementDriver} needs to see.
     *
     * @param replaceAfterMs how long a node may be away before it is replaced; 0: as long as it
     *     likes
     * @param nowMs wall clock
     */
    public ClusterSight sight(
            ClusterImage image, long replaceAfterMs, long nowMs, Predicate<Migration> isOver) {
        Map<PlacementGroupId, LeaderView> views = new HashMap<>();
        for (PlacementGroup group : image.placementGroups().values()) {
            view(image, group.raftGroupId(), group.replicaSet())
                    .ifPresent(view -> views.put(group.id(), view));
        }
        Set<String> up = new HashSet<>();
        Set<String> away = new HashSet<>();
        Set<String> arrived = new HashSet<>();
        List<ClusterSight.Held> held = new ArrayList<>();
        Map<UUID, ClusterSight.Room> rooms = new HashMap<>();
        for (StorageNode node : image.nodes().values()) {
            boolean joins = node.duty().state() == NodeDuty.State.JOINING;
            if (!isUp(node.name())) {
                boolean expected = joins || node.duty().inMaintenance(nowMs);
                if (!expected && replaceAfterMs > 0 && unheardMs(node.name()) > replaceAfterMs) {
                    away.add(node.name());
                }
                continue;
            }
            NodeHeartbeat heartbeat = of(node.name()).orElseThrow();
            if (!heartbeat.node().dataDirs().equals(node.dataDirs())) {
                // Another's, or a former one's: it is not the node that the map means.
                continue;
            }
            up.add(node.name());
            if (joins) {
                arrived.add(node.name());
            }
            heartbeat
                    .replicas()
                    .forEach(
                            report ->
                                    held.add(
                                            new ClusterSight.Held(
                                                    report.dataDir(), report.status().groupId())));
            heartbeat
                    .dirs()
                    .forEach(
                            dir ->
                                    rooms.put(
                                            dir.dataDir(),
                                            new ClusterSight.Room(
                                                    dir.usedBytes(),
                                                    dir.availableBytes(),
                                                    dir.room() == Room.AMPLE)));
        }
        return new ClusterSight(
                views,
                view(image, image.metaGroupId(), image.metaReplicas()),
                up,
                away,
                arrived,
                held,
                rooms,
                slowDisks(),
                nowMs,
                isOver);
    }

    /** For how long a node has not been heard: not longer than this node has listened. */
    public long unheardMs(String node) {
        return lastSeenMs(node).orElseGet(this::gatheringMs);
    }

    private Optional<LeaderView> view(ClusterImage image, UUID raftGroupId, ReplicaSet set) {
        return leading(raftGroupId)
                .map(report -> view(image, report.dataDir(), report.status(), set));
    }

    private LeaderView view(ClusterImage image, UUID leader, ReplicaStatus status, ReplicaSet set) {
        Set<UUID> caughtUp = new HashSet<>();
        for (ReplicaStatus.Follower follower : status.followers()) {
            boolean intact =
                    set.holders().stream()
                            .filter(replica -> replica.dataDir().equals(follower.peer()))
                            .flatMap(replica -> report(replica, status.groupId()).stream())
                            .allMatch(report -> report.damage().weight() == 0);
            if (intact
                    && isHeard(image, follower.peer())
                    && !follower.needsBackfill()
                    && follower.lastContactMs() <= IN_CONTACT_MS
                    && status.commitIndex() - follower.matchIndex() <= CAUGHT_UP_ENTRIES) {
                caughtUp.add(follower.peer());
            }
        }
        Set<UUID> dirs = new HashSet<>(status.members().voters());
        dirs.addAll(status.members().learners());
        set.holders().forEach(holder -> dirs.add(holder.dataDir()));
        Set<UUID> lost = new HashSet<>();
        Set<UUID> spoiled = new HashSet<>();
        Set<UUID> up = new HashSet<>();
        for (UUID dir : dirs) {
            if (isHeard(image, dir)) {
                up.add(dir);
                if (isSpoiled(image, dir, status.groupId())) {
                    spoiled.add(dir);
                }
                boolean learns = status.members().learners().contains(dir);
                if (isLost(image, dir, status.groupId(), learns)) {
                    lost.add(dir);
                }
            }
        }
        // Half of a change, or one that may yet be undone, says nothing.
        boolean settled =
                !status.members().changing()
                        && status.configurationIndex() <= status.commitIndex()
                        && !isOutdated(status);
        return new LeaderView(
                leader,
                caughtUp,
                stableMs(status.groupId(), leader),
                new LeaderView.Members(
                        settled ? status.members().voters() : Set.of(),
                        status.members().learners(),
                        lost,
                        spoiled,
                        up,
                        status.configurationIndex()));
    }

    private boolean isHeard(ClusterImage image, UUID dataDir) {
        return image.nodeOfDataDir(dataDir).filter(node -> isUp(node.name())).isPresent();
    }

    private boolean isSpoiled(ClusterImage image, UUID dataDir, UUID raftGroupId) {
        return image.nodeOfDataDir(dataDir)
                .filter(node -> !isOutdated(node, dataDir, raftGroupId))
                .flatMap(node -> report(new Replica(node.name(), dataDir), raftGroupId))
                .filter(report -> report.damage().beyondRepair().isPresent())
                .isPresent();
    }

    /** A learner that its node does not report was removed by a late order. */
    private boolean isLost(ClusterImage image, UUID dataDir, UUID raftGroupId, boolean learns) {
        StorageNode node = image.nodeOfDataDir(dataDir).orElseThrow();
        Optional<ReplicaStatus> own = replica(new Replica(node.name(), dataDir), raftGroupId);
        return !isOutdated(node, dataDir, raftGroupId)
                && own.map(status -> status.role() == ReplicaStatus.Role.LOST).orElse(learns);
    }

    private synchronized long stableMs(UUID raftGroupId, UUID leader) {
        Led led = leaders.get(raftGroupId);
        return led == null || !led.leader().equals(leader) ? 0 : ageMs(led.sinceNanos());
    }

    private long ageMs(long sinceNanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - sinceNanos);
    }
}
