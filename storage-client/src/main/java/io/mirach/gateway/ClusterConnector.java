package io.mirach.gateway;

import io.mirach.client.MirachClient;
import java.util.concurrent.CompletableFuture;

/** Makes the gateway's client of its cluster. */
@FunctionalInterface
interface ClusterConnector {
    /**
     * Completes once the first cluster map has come.
     *
     * @param host this host's name, for people
     */
    CompletableFuture<MirachClient> connect(GatewayConfig config, String host, String ownerSecret);
}
