package io.mirach.server.cluster;

import io.mirach.client.routing.ClusterRouting;
import io.mirach.client.routing.RoutedRequest;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.GroupOrder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Gives orders to placement groups' leaders, whoever they are. Thread-safe; never blocks. */
public final class GroupOrders {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final ClusterRouting routing;

    public GroupOrders(ClusterRouting routing) {
        this.routing = routing;
    }

    /** Completes once the order is applied at the leader. It may be logged more than once. */
    public CompletableFuture<Void> log(GroupOrder order) {
        RoutedRequest request =
                new RoutedRequest() {
                    @Override
                    public Opcode opcode() {
                        return Opcode.GROUP_ORDER;
                    }

                    @Override
                    public ByteBuf encode() {
                        return JsonBody.encode(order, ByteBufAllocator.DEFAULT);
                    }
                };
        return routing.placementGroup(order.placementGroup())
                .call(request, TIMEOUT)
                .thenAccept(ByteBuf::release);
    }
}
