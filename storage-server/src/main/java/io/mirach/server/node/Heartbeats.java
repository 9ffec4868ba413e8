package io.mirach.server.node;

import io.mirach.model.ClusterImage;
import io.mirach.model.StorageNode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.Opcode;
import io.mirach.server.cluster.HeartbeatReply;
import io.mirach.server.cluster.MetaGroup;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.maintenance.Backfills;
import io.mirach.server.telemetry.ClusterWatch;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the meta leader every second that this node lives, and what it holds. Thread-safe. */
public final class Heartbeats {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);
    private static final Duration INTERVAL = Duration.ofSeconds(1);
    private static final Duration DEADLINE = Duration.ofSeconds(5);
    private static final int BEATS_PER_FOLDER_SIZE = 5;

    /** The leader's last answer, and when it came. */
    public record Answer(HeartbeatReply reply, long atNanos) {}

    private final StorageNode self;
    private final HostedGroups groups;
    private final DiskUsage usage;
    private final Backfills backfills;
    private final MetaGroup meta;
    private final Supplier<ClusterImage> map;
    private final ClusterWatch watch = new ClusterWatch(System::nanoTime);
    private final AtomicBoolean underWay = new AtomicBoolean();
    private volatile Optional<Answer> lastAnswer = Optional.empty();
    // Confined to the thread that beats.
    private int beats;

    Heartbeats(
            StorageNode self,
            HostedGroups groups,
            DiskUsage usage,
            Backfills backfills,
            MetaGroup meta,
            Supplier<ClusterImage> map) {
        this.self = self;
        this.groups = groups;
        this.usage = usage;
        this.backfills = backfills;
        this.meta = meta;
        this.map = map;
    }

    /** Begins to beat; ends with the thread. */
    void start(ScheduledExecutorService thread) {
        thread.scheduleWithFixedDelay(this::tick, 0, INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** The leader's newest answer; empty until there was one. */
    public Optional<Answer> lastAnswer() {
        return lastAnswer;
    }

    /** The last measurement of the data dirs. */
    List<NodeHeartbeat.DirUsage> usage() {
        return usage.latest();
    }

    private void tick() {
        try {
            usage.measure(beats++ % BEATS_PER_FOLDER_SIZE == 0);
            if (underWay.compareAndSet(false, true)) {
                beat(DEADLINE).whenComplete((answer, failure) -> ended(failure));
            }
        } catch (RuntimeException e) {
            // A task that throws is not run again.
            underWay.set(false);
            LOG.error("heartbeat failed", e);
        }
    }

    private void ended(Throwable failure) {
        underWay.set(false);
        if (failure != null) {
            LOG.debug("heartbeat not answered", failure);
            watch.unanswered(failure);
        }
    }

    /** Beats now; completes with the leader's answer, which says who leads. */
    public CompletableFuture<HeartbeatReply> beat(Duration deadline) {
        NodeHeartbeat heartbeat =
                new NodeHeartbeat(self, usage.latest(), groups.reports(), backfills.progress());
        watch.replicas(heartbeat.replicas(), map.get());
        return meta.call(Opcode.HEARTBEAT, heartbeat, deadline)
                .thenApply(body -> JsonBody.decode(body, HeartbeatReply.class))
                .thenApply(
                        reply -> {
                            lastAnswer = Optional.of(new Answer(reply, System.nanoTime()));
                            watch.answered(reply, map.get());
                            groups.confirmed(reply.mapVersion());
                            return reply;
                        });
    }
}
