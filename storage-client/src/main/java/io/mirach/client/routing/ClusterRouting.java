package io.mirach.client.routing;

import io.mirach.client.transport.NodeConnections;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/**
 * A {@link LeaderRouter} for each group of the cluster, members taken from the newest cluster map.
 * Thread-safe; never blocks.
 */
public final class ClusterRouting {
    private static final ReplicaSet NO_REPLICAS = new ReplicaSet(0, List.of());

    private final Supplier<ClusterImage> image;
    private final NodeConnections connections;
    private final EventExecutor timer;
    private final RoutingConfig config;
    private final DoubleSupplier jitter;
    private final LeaderRouter meta;
    private final Map<PlacementGroupId, LeaderRouter> placementGroups = new ConcurrentHashMap<>();

    /**
     * @param timer runs what was paused
     */
    public ClusterRouting(
            Supplier<ClusterImage> image,
            NodeConnections connections,
            EventExecutor timer,
            RoutingConfig config) {
        this(image, connections, timer, config, () -> ThreadLocalRandom.current().nextDouble());
    }

    ClusterRouting(
            Supplier<ClusterImage> image,
            NodeConnections connections,
            EventExecutor timer,
            RoutingConfig config,
            DoubleSupplier jitter) {
        this.image = image;
        this.connections = connections;
        this.timer = timer;
        this.config = config;
        this.jitter = jitter;
        this.meta =
                router(
                        new LeaderRouter.Group(
                                "meta group", ClusterImage::metaReplicas, Optional.empty()));
    }

    /** The meta group's leader. */
    public LeaderRouter meta() {
        return meta;
    }

    /** A placement group's leader. One that the map does not know is waited for. */
    public LeaderRouter placementGroup(PlacementGroupId id) {
        LeaderRouter known = placementGroups.get(id);
        return known != null ? known : placementGroups.computeIfAbsent(id, this::newRouter);
    }

    private LeaderRouter newRouter(PlacementGroupId id) {
        PlacementGroup now = image.get().placementGroups().get(id);
        return router(
                new LeaderRouter.Group(
                        "placement group " + id,
                        current -> {
                            PlacementGroup group = current.placementGroups().get(id);
                            return group == null ? NO_REPLICAS : group.replicaSet();
                        },
                        Optional.ofNullable(now).map(PlacementGroup::preferredLeader)));
    }

    private LeaderRouter router(LeaderRouter.Group group) {
        return new LeaderRouter(group, image, connections, timer, config, jitter);
    }
}
