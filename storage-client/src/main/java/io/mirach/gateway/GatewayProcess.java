package io.mirach.gateway;

import io.mirach.client.MirachClient;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Gateway;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdServer;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running gateway: one client of the cluster, one NBD server, and what it offers in between.
 * Thread-safe; {@link #start} and {@link #close} block.
 */
final class GatewayProcess implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(GatewayProcess.class);
    private static final long DETACH_TIMEOUT_SECONDS = 15;

    private final GatewayConfig config;
    private final String host;
    private final StateDir stateDir;
    // NBD clients and nodes are served by the same few threads: a request changes hands less often.
    private final EventLoops loops;
    private final MirachClient client;
    private final GatewayExports exports;
    private final NbdServer server;
    private final ScheduledExecutorService announcer =
            Executors.newSingleThreadScheduledExecutor(new DefaultThreadFactory("announce", true));
    private final CountDownLatch closed = new CountDownLatch(1);
    private AutoCloseable following;
    private boolean closing;
    private volatile boolean clean = true;

    // Confined to the announcer, and to the thread that completes its request.
    private volatile boolean announced = true;

    private GatewayProcess(
            GatewayConfig config,
            String host,
            StateDir stateDir,
            EventLoops loops,
            MirachClient client) {
        this.config = config;
        this.host = host;
        this.stateDir = stateDir;
        this.client = client;
        this.exports = new GatewayExports(client, config.name(), config.autoAttach());
        this.loops = loops;
        this.server = new NbdServer(exports, config.limits(), loops);
    }

    /**
     * Takes the state-dir, connects to the cluster, then serves. Fails with a MirachException, and
     * leaves nothing behind.
     */
    static GatewayProcess start(GatewayConfig config, ClusterConnector connector) {
        String host = GatewayConfigFile.hostName();
        StateDir stateDir = StateDir.open(config.stateDir());
        EventLoops loops = EventLoops.start("mirach-gateway", config.threads());
        GatewayProcess gateway = null;
        try {
            MirachClient client = connect(config, host, stateDir.ownerSecret(), loops, connector);
            gateway = new GatewayProcess(config, host, stateDir, loops, client);
            gateway.serve();
            return gateway;
        } catch (RuntimeException failure) {
            if (gateway == null) {
                loops.close();
                stateDir.close();
            } else {
                gateway.close();
            }
            throw failure;
        }
    }

    private static MirachClient connect(
            GatewayConfig config,
            String host,
            String ownerSecret,
            EventLoops loops,
            ClusterConnector connector) {
        LOG.info("gateway {} connects to {}", config.name(), config.endpoints());
        try {
            return connector.connect(config, host, ownerSecret, loops).join();
        } catch (CompletionException failure) {
            throw failure.getCause() instanceof MirachException known
                    ? known
                    : new MirachException(
                            ErrorCode.INTERNAL, String.valueOf(failure.getCause()), failure);
        }
    }

    private void serve() {
        if (config.autoAttach()) {
            exports.releaseLeftovers();
        }
        following = client.onImage(exports::follow);
        config.listen().forEach(server::listen);
        announcer.scheduleWithFixedDelay(
                this::tick, 0, GatewayConfig.ANNOUNCE_INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
        LOG.info(
                "gateway {} serves {}{}",
                config.name(),
                nbdUris(),
                config.autoAttach() ? ", every volume by name" : "");
    }

    private void tick() {
        exports.retryOrders();
        try {
            client.registerGateway(new Gateway(config.name(), host, nbdUris()), exports.ended())
                    .whenComplete((done, failure) -> announced(failure));
        } catch (RuntimeException failure) {
            // A task that throws is not run again.
            announced(failure);
        }
    }

    /** Says it once when the cluster cannot be told, and once when it can be again. */
    private void announced(Throwable failure) {
        if (failure != null && announced) {
            LOG.warn(
                    "cannot announce this gateway to the cluster, and goes on serving: {}",
                    String.valueOf(failure.getMessage()));
        } else if (failure == null && !announced) {
            LOG.info("announced to the cluster again");
        }
        announced = failure == null;
    }

    List<String> nbdUris() {
        return server.addresses().stream().map(NbdAddress::uri).toList();
    }

    List<NbdAddress> addresses() {
        return server.addresses();
    }

    /** Blocks until {@link #close} is over. */
    void awaitClosed() throws InterruptedException {
        closed.await();
    }

    /** Whether, once closed, every request was answered and every volume given back in time. */
    boolean closedCleanly() {
        return clean;
    }

    /**
     * Stops accepting, answers what is in flight, detaches what was attached for clients. Further
     * calls wait for the first.
     */
    @Override
    public void close() {
        synchronized (this) {
            if (closing) {
                awaitOther();
                return;
            }
            closing = true;
        }
        LOG.info("gateway {} is shutting down", config.name());
        announcer.shutdownNow();
        exports.refuseOpens();
        try {
            if (following != null) {
                following.close();
            }
            server.close(config.shutdownTimeout()).join();
            clean = server.closedCleanly();
            exports.close().get(DETACH_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            clean = false;
            LOG.warn("volumes are not detached after {} s", DETACH_TIMEOUT_SECONDS);
        } catch (InterruptedException interrupted) {
            clean = false;
            Thread.currentThread().interrupt();
        } catch (Exception failure) {
            clean = false;
            LOG.error("shutting down failed", failure);
        } finally {
            client.close();
            loops.close();
            stateDir.close();
            LOG.info("gateway {} has ended", config.name());
            closed.countDown();
        }
    }

    private void awaitOther() {
        try {
            closed.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
