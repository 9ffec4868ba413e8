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
        int threads,
        Duration shutdownTimeout) {
    public static final int DEFAULT_THREADS =
            Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors() / 2));
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
        if (shutdownTimeout.isNegative() || shutdownTimeout.isZero()) {
            throw new IllegalArgumentException("shutdown-timeout must be positive");
        }
    }
}
