package io.mirach.server.telemetry;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.StorageNode;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.HeartbeatReply;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.cluster.NodeObservations;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells this node's log what becomes of the cluster around it, once per change: nodes that go and
 * come, who leads the meta group, the groups that this node leads, and peers that do not answer
 * over Raft. The Raft library reports an absent peer per group and try, so its log of that is off.
 * Thread-safe.
 */
public final class ClusterWatch {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterWatch.class);
    private static final long UNANSWERED_MS = 5_000;
    // While a cluster is formed or all its nodes start, the first leader takes longer.
    private static final long NEVER_ANSWERED_MS = 30_000;
    // A node that has come back is contacted over Raft within a few seconds.
    private static final long NO_CONTACT_MS = 10_000;

    private final LongSupplier nanoTime;
    // Guarded by this.
    private final Map<String, Long> downSinceNanos = new HashMap<>();
    private final Map<String, Long> unheardSinceNanos = new HashMap<>();
    private final Map<UUID, Long> ledTerms = new HashMap<>();
    private final Map<String, Long> noContactSinceNanos = new HashMap<>();
    private final Set<String> reportedNoContact = new HashSet<>();
    private Optional<String> metaLeader = Optional.empty();
    private long answeredNanos;
    private boolean reportedUnanswered;

    public ClusterWatch(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.answeredNanos = nanoTime.getAsLong();
    }

    /** The meta leader has answered a heartbeat. */
    public synchronized void answered(HeartbeatReply reply, ClusterImage image) {
        answeredNanos = nanoTime.getAsLong();
        if (!metaLeader.equals(Optional.of(reply.leader()))) {
            LOG.info(
                    "{} leads the meta group{}",
                    reply.leader(),
                    metaLeader.map(before -> "; before, " + before + " did").orElse(""));
            metaLeader = Optional.of(reply.leader());
        } else if (reportedUnanswered) {
            LOG.info("the meta leader, {}, answers again", reply.leader());
        }
        reportedUnanswered = false;
        for (String node : image.nodes().keySet()) {
            Long seenMs = reply.lastSeenMs().get(node);
            // A leader that is new has heard nobody yet: each node is given time to be heard.
            long silentMs =
                    seenMs != null
                            ? seenMs
                            : elapsedMs(
                                    unheardSinceNanos.computeIfAbsent(node, n -> answeredNanos));
            if (seenMs != null) {
                unheardSinceNanos.remove(node);
            }
            if (silentMs > NodeObservations.NODE_DOWN_MS) {
                isDown(node, silentMs);
            } else if (seenMs != null) {
                isUp(node);
            }
        }
        downSinceNanos.keySet().retainAll(image.nodes().keySet());
        unheardSinceNanos.keySet().retainAll(image.nodes().keySet());
    }

    private void isUp(String node) {
        Long since = downSinceNanos.remove(node);
        if (since != null) {
            LOG.info("node {} is up again after {} s", node, elapsedMs(since) / 1000);
        }
    }

    private void isDown(String node, long silentMs) {
        if (!downSinceNanos.containsKey(node)) {
            downSinceNanos.put(
                    node, nanoTime.getAsLong() - TimeUnit.MILLISECONDS.toNanos(silentMs));
            LOG.warn(
                    "node {} is down: the meta leader has not heard it for {} s",
                    node,
                    silentMs / 1000);
        }
    }

    /** A heartbeat was not answered. */
    public synchronized void unanswered(Throwable failure) {
        long limitMs = metaLeader.isPresent() ? UNANSWERED_MS : NEVER_ANSWERED_MS;
        if (!reportedUnanswered && elapsedMs(answeredNanos) > limitMs) {
            reportedUnanswered = true;
            LOG.warn(
                    "no meta leader has answered for {} s; the cluster cannot be changed"
                            + " meanwhile: {}",
                    elapsedMs(answeredNanos) / 1000,
                    String.valueOf(failure.getMessage()));
        }
    }

    /** How this node's replicas are. */
    public synchronized void replicas(
            List<NodeHeartbeat.ReplicaReport> reports, ClusterImage image) {
        Set<UUID> present = new HashSet<>();
        for (NodeHeartbeat.ReplicaReport report : reports) {
            ReplicaStatus status = report.status();
            present.add(status.groupId());
            if (status.role() == ReplicaStatus.Role.LEADER) {
                Long before = ledTerms.put(status.groupId(), status.term());
                if (before == null || before != status.term()) {
                    LOG.info("leads {} in term {}", name(status.groupId(), image), status.term());
                }
            } else if (status.role() != ReplicaStatus.Role.CLOSED
                    && ledTerms.remove(status.groupId()) != null) {
                LOG.info(
                        "leads {} no longer; term {} is led by {}",
                        name(status.groupId(), image),
                        status.term(),
                        status.leader()
                                .filter(leader -> !leader.equals(report.dataDir()))
                                .flatMap(image::nodeOfDataDir)
                                .map(StorageNode::name)
                                .orElse("nobody yet"));
            }
        }
        ledTerms.keySet().retainAll(present);
        watchContact(reports, image);
    }

    /** A node that is down is told of already; this tells of one whose Raft port is cut off. */
    private void watchContact(List<NodeHeartbeat.ReplicaReport> reports, ClusterImage image) {
        Map<String, Set<String>> silent = new TreeMap<>();
        for (NodeHeartbeat.ReplicaReport report : reports) {
            for (ReplicaStatus.Follower follower : report.status().followers()) {
                if (follower.lastContactMs() > UNANSWERED_MS) {
                    image.nodeOfDataDir(follower.peer())
                            .map(StorageNode::name)
                            .filter(node -> !downSinceNanos.containsKey(node))
                            .ifPresent(
                                    node ->
                                            silent.computeIfAbsent(node, n -> new TreeSet<>())
                                                    .add(name(report.status().groupId(), image)));
                }
            }
        }
        noContactSinceNanos.keySet().retainAll(silent.keySet());
        reportedNoContact.removeIf(
                node -> {
                    boolean over = !silent.containsKey(node);
                    if (over && !downSinceNanos.containsKey(node)) {
                        LOG.info("node {} answers over Raft again", node);
                    }
                    return over;
                });
        silent.forEach(
                (node, groups) -> {
                    long since =
                            noContactSinceNanos.computeIfAbsent(node, n -> nanoTime.getAsLong());
                    if (elapsedMs(since) >= NO_CONTACT_MS && reportedNoContact.add(node)) {
                        LOG.warn(
                                "node {} is up, but its replicas of {} do not answer this node over"
                                        + " Raft; is its raft-address reachable?",
                                node,
                                groups);
                    }
                });
    }

    private static String name(UUID raftGroupId, ClusterImage image) {
        if (raftGroupId.equals(image.metaGroupId())) {
            return "the meta group";
        }
        return image.placementGroups().values().stream()
                .filter(group -> group.raftGroupId().equals(raftGroupId))
                .map(PlacementGroup::id)
                .findFirst()
                .map(Object::toString)
                .orElseGet(() -> "group " + raftGroupId);
    }

    private long elapsedMs(long sinceNanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - sinceNanos);
    }
}
