package io.mirach.gateway;

import io.mirach.client.MirachClient;
import io.mirach.client.transport.EventLoops;
import java.util.concurrent.CompletableFuture;

/** Makes the gateway's client of its cluster. */
@FunctionalInterface
interface ClusterConnector {
    /**
     * Completes once the first cluster map has come.
     *
     * @param host this host's name, for people
     * @param loops that the client runs on, and that outlive it
     */
    CompletableFuture<MirachClient> connect(
            GatewayConfig config, String host, String ownerSecret, EventLoops loops);
}
