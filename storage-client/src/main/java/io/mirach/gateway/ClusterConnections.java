package io.mirach.gateway;

import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.EventLoops;
import io.mirach.protocol.HttpEndpoint;
import java.util.concurrent.CompletableFuture;

/** Connects a gateway to its cluster over the native protocol. */
final class ClusterConnections {
    private ClusterConnections() {}

    /** A {@link ClusterConnector}. */
    static CompletableFuture<MirachClient> connect(
            GatewayConfig config, String host, String ownerSecret, EventLoops loops) {
        return MirachClients.connect(
                MirachClientConfig.of(
                                config.endpoints().stream().map(HttpEndpoint::toString).toList(),
                                config.name(),
                                host,
                                ownerSecret)
                        .withRequestTimeout(config.ioTimeout()),
                loops);
    }
}
