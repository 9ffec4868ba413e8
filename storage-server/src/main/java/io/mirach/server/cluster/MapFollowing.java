package io.mirach.server.cluster;

import io.mirach.client.transport.NodeConnections;
import io.mirach.model.ClusterImage;
import io.mirach.model.StorageNode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.MapUpdate;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the cluster map of a node up to date while it has no replica of the meta group, by long
 * polls at the members in turn. Confined to the map thread.
 */
public final class MapFollowing {
    private static final Logger LOG = LoggerFactory.getLogger(MapFollowing.class);
    private static final Duration POLL = Duration.ofSeconds(10);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);
    private static final long PAUSE_MS = 500;

    private final ClusterMap map;
    private final NodeConnections connections;
    private final ScheduledExecutorService thread;
    private final BooleanSupplier hasReplica;
    private int turn;
    private boolean deltasFit = true;

    /**
     * @param hasReplica whether this node has a replica of the meta group, and so the map by itself
     */
    public MapFollowing(
            ClusterMap map,
            NodeConnections connections,
            ScheduledExecutorService mapThread,
            BooleanSupplier hasReplica) {
        this.map = map;
        this.connections = connections;
        this.thread = mapThread;
        this.hasReplica = hasReplica;
    }

    /** Ends with the map thread. */
    public void start() {
        thread.execute(this::poll);
    }

    private void poll() {
        List<String> addresses = metaAddresses(map.image());
        if (hasReplica.getAsBoolean() || addresses.isEmpty()) {
            again(PAUSE_MS);
            return;
        }
        long known = deltasFit ? map.image().version() : 0;
        String address = addresses.get(turn++ % addresses.size());
        connections
                .request(
                        address,
                        Opcode.GET_MAP,
                        JsonBody.encode(
                                GetMap.poll(known, (int) POLL.toMillis()),
                                ByteBufAllocator.DEFAULT),
                        POLL.plus(ANSWER_TIMEOUT))
                // A large map takes long to read: not on the event loop, and as a copy that needs
                // no release if the map thread has ended.
                .thenApply(MapFollowing::copied)
                .whenComplete((bytes, failure) -> execute(() -> polled(bytes, failure)));
    }

    private static byte[] copied(ByteBuf reply) {
        try {
            return ByteBufUtil.getBytes(reply);
        } finally {
            reply.release();
        }
    }

    private void polled(byte[] bytes, Throwable failure) {
        if (failure != null) {
            LOG.debug("no cluster map", failure);
            again(PAUSE_MS);
            return;
        }
        try {
            boolean newer = take(JsonBody.decode(Unpooled.wrappedBuffer(bytes), MapUpdate.class));
            // A member that answers at once with nothing new must not make this spin.
            again(newer ? 0 : PAUSE_MS);
        } catch (RuntimeException e) {
            LOG.warn("unusable cluster map: {}", e.getMessage());
            again(PAUSE_MS);
        }
    }

    private boolean take(MapUpdate update) {
        ClusterImage current = map.image();
        if (update.image().isPresent()) {
            deltasFit = true;
            map.publish(update.image().get());
        } else if (update.delta().isPresent()) {
            deltasFit = update.delta().get().fromVersion() == current.version();
            if (deltasFit) {
                map.publish(update.delta().get().applyTo(current));
            }
        }
        return map.image().version() > current.version() || !deltasFit;
    }

    private void again(long delayMs) {
        try {
            thread.schedule(this::poll, delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            LOG.debug("map following ends");
        }
    }

    private void execute(Runnable task) {
        try {
            thread.execute(task);
        } catch (RejectedExecutionException closing) {
            LOG.debug("map following ends");
        }
    }

    private static List<String> metaAddresses(ClusterImage image) {
        return image.metaReplicas().replicas().stream()
                .map(replica -> image.nodes().get(replica.node()))
                .filter(node -> node != null)
                .sorted(Comparator.comparing(StorageNode::name))
                .map(StorageNode::nativeAddress)
                .toList();
    }
}
