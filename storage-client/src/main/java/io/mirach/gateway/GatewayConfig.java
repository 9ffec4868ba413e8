package io.mirach.gateway;

import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.protocol.HttpEndpoint;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * How a gateway runs. Read from YAML by {@link GatewayConfigFile}.
 *
 * @param name unique in the cluster, for life
 * @param endpoints HTTP addresses of some nodes
 * @param listen where NBD clients connect
 * @param stateDir keeps the secret that proves that it is the same gateway when it comes back
 * @param autoAttach serve every volume by name: attach when a client opens it, detach after the
 *     last one has left
 * @param ioTimeout after which a request that the cluster does not answer fails with EIO; zero
 *     waits as long as it takes, as a disk would. A write that failed so may still take effect.
 * @param threads event loops that serve NBD clients and talk to nodes
 * @param shutdownTimeout how long the requests in flight may take at shutdown
 */
public record GatewayConfig(
        String name,
        List<HttpEndpoint> endpoints,
        List<NbdAddress> listen,
        Path stateDir,
        boolean autoAttach,
        NbdLimits limits,
        Duration ioTimeout,
        int threads,
        Duration shutdownTimeout) {
    public static final int DEFAULT_THREADS =
            Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors() / 2));

    /** Waits. */
    public static final Duration DEFAULT_IO_TIMEOUT = Duration.ZERO;

    /** A shorter one would fail requests over any failover. */
    public static final Duration MIN_IO_TIMEOUT = Duration.ofSeconds(1);

    public static final Duration DEFAULT_SHUTDOWN_TIMEOUT = Duration.ofSeconds(20);

    /** How often a gateway announces itself, and tries again what it has been ordered to attach. */
    static final Duration ANNOUNCE_INTERVAL = Duration.ofSeconds(3);

    public GatewayConfig {
        Objects.requireNonNull(limits, "limits");
        Objects.requireNonNull(stateDir, "stateDir");
        endpoints = List.copyOf(endpoints);
        listen = List.copyOf(listen);
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,254}")) {
            throw new IllegalArgumentException(
                    "name must match [A-Za-z0-9][A-Za-z0-9._-]*: '" + name + "'");
        }
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("endpoints must name at least one node");
        }
        if (listen.isEmpty()) {
            throw new IllegalArgumentException("listen must name at least one address");
        }
        if (threads < 1 || threads > 256) {
            throw new IllegalArgumentException("threads must be from 1 to 256: " + threads);
        }
        if (!ioTimeout.isZero() && ioTimeout.compareTo(MIN_IO_TIMEOUT) < 0) {
            throw new IllegalArgumentException(
                    "io-timeout must be 0s (wait) or at least 1s; a failover takes a few seconds");
        }
        if (shutdownTimeout.isNegative() || shutdownTimeout.isZero()) {
            throw new IllegalArgumentException("shutdown-timeout must be positive");
        }
    }
}
