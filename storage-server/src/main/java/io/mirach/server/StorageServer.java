package io.mirach.server;

import io.mirach.raft.RaftHost;
import io.mirach.server.node.NodeConfig;
import io.mirach.server.node.NodeProcess;
import java.io.IOException;

/** A storage node in this process: the one door to all that a node is made of. */
public final class StorageServer implements AutoCloseable {
    private final NodeProcess process;

    private StorageServer(NodeProcess process) {
        this.process = process;
    }

    /**
     * Starts a node on its data dirs: as a member of its cluster, or, on new ones, serving HTTP
     * only until it is initialised. Blocks until it serves. Fails with a MirachException that says
     * what is wrong with the configuration or the data dirs, and with IOException when an address
     * is taken; nothing is left running then.
     *
     * @param failureListener told once if the node cannot go on: end the process
     */
    public static StorageServer start(NodeConfig config, RaftHost.FailureListener failureListener)
            throws IOException {
        return new StorageServer(NodeProcess.start(config, failureListener));
    }

    /** Stops serving, makes everything durable, and lets the data dirs go. Blocks; idempotent. */
    @Override
    public void close() {
        process.close();
    }
}
