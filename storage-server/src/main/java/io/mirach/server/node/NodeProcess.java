package io.mirach.server.node;

import io.mirach.admin.ClusterView;
import io.mirach.admin.NodeInitRequest;
import io.mirach.admin.NodeView;
import io.mirach.model.ClusterImage;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.RaftHost;
import io.mirach.server.admin.AdminServer;
import io.mirach.server.admin.NodeControl;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.telemetry.NodeMetrics;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node from its start to its end: first its data dirs, then, if they belong to a cluster, all
 * that serves it, and the admin API. Thread-safe; {@link #start} and {@link #close} block.
 */
public final class NodeProcess implements AutoCloseable, NodeControl {
    private static final Logger LOG = LoggerFactory.getLogger(NodeProcess.class);

    private final NodeConfig config;
    private final NodeIdentity identity;
    private final RaftHost.FailureListener failureListener;
    private final NodeMetrics metrics = new NodeMetrics();
    private volatile Optional<ClusterMember> member = Optional.empty();
    private Optional<AdminServer> admin = Optional.empty();
    private boolean closed;

    private NodeProcess(
            NodeConfig config, NodeIdentity identity, RaftHost.FailureListener failureListener) {
        this.config = config;
        this.identity = identity;
        this.failureListener = failureListener;
    }

    /** See {@link io.mirach.server.StorageServer#start}. */
    public static NodeProcess start(NodeConfig config, RaftHost.FailureListener failureListener)
            throws IOException {
        NodeProcess process = new NodeProcess(config, NodeIdentity.open(config), failureListener);
        try {
            process.open();
            return process;
        } catch (IOException | RuntimeException e) {
            process.close();
            throw e;
        }
    }

    private synchronized void open() throws IOException {
        if (identity.membership().isPresent()) {
            member = Optional.of(ClusterMember.start(config, identity, metrics, failureListener));
        }
        admin =
                Optional.of(
                        AdminServer.start(
                                config.httpAddress(),
                                this,
                                new ClusterInit(this, identity.firstDir(), new Membership()),
                                () -> member.map(ClusterMember::admin),
                                metrics));
        LOG.info(
                "node {} serves HTTP at {}{}",
                config.name(),
                config.httpAddress(),
                identity.membership()
                        .map(
                                who ->
                                        ", the native protocol at "
                                                + config.nativeAddress()
                                                + ", cluster "
                                                + who.clusterId())
                        .orElse("; it belongs to no cluster yet"));
    }

    @Override
    public NodeView view() {
        return identity.view();
    }

    @Override
    public synchronized NodeView initialise(NodeInitRequest request) {
        if (closed) {
            throw new MirachException(ErrorCode.SHUTTING_DOWN, "this node is stopping");
        }
        identity.initialise(request);
        try {
            if (member.isEmpty()) {
                member =
                        Optional.of(
                                ClusterMember.start(config, identity, metrics, failureListener));
                LOG.info(
                        "node {} belongs to cluster {} from now on",
                        config.name(),
                        request.clusterId());
            }
        } catch (IOException e) {
            throw new MirachException(
                            ErrorCode.INTERNAL,
                            "node '" + config.name() + "' cannot serve: " + e.getMessage(),
                            e)
                    .withRemedy("correct its configuration, start it again, and repeat the init");
        }
        if (member.get().image().version() == 0) {
            member.get().createMetaReplica();
        }
        return identity.view();
    }

    /** What {@link ClusterInit} needs of this node. */
    private final class Membership implements ClusterInit.Membership {
        @Override
        public Optional<ClusterImage> image() {
            return member.map(ClusterMember::image);
        }

        @Override
        public void log(MetaCommand.FormCluster form) {
            member.orElseThrow().form(form);
        }

        @Override
        public ClusterView view() {
            return member.orElseThrow().view();
        }
    }

    @Override
    public void close() {
        // Not under the lock: a request that holds it must be able to end.
        Optional<AdminServer> http;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            http = admin;
        }
        http.ifPresent(AdminServer::close);
        synchronized (this) {
            member.ifPresent(ClusterMember::close);
            identity.close();
        }
        LOG.info("node {} has stopped", config.name());
    }
}
