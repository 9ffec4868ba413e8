package io.mirach.client;

import io.mirach.client.transport.EventLoops;
import java.util.concurrent.CompletableFuture;

/** Makes clients of a cluster. */
public final class MirachClients {
    private MirachClients() {}

    /**
     * Connects to the cluster that the endpoints belong to. Completes, on the client's map thread
     * (which must not be blocked), once the first cluster map has come. Fails with NOT_INITIALISED
     * if the nodes belong to no cluster yet, and with UNREACHABLE, saying what each endpoint did,
     * when none has answered in time. The client has event loops of its own.
     */
    public static CompletableFuture<MirachClient> connect(MirachClientConfig config) {
        EventLoops loops = EventLoops.start("mirach-client", config.threads());
        return new ClusterClient(config, loops, true).start();
    }

    /**
     * As {@link #connect(MirachClientConfig)}, on event loops that outlive the client: what already
     * runs on one of them costs fewer hand-offs.
     */
    public static CompletableFuture<MirachClient> connect(
            MirachClientConfig config, EventLoops loops) {
        return new ClusterClient(config, loops, false).start();
    }
}
