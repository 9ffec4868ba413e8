package io.mirach.client;

import io.mirach.client.routing.RoutingConfig;
import io.mirach.client.transport.NodeAddress;
import io.mirach.client.transport.TransportConfig;
import java.time.Duration;
import java.util.List;

/**
 * How a host reaches its cluster.
 *
 * @param endpoints HTTP addresses of some nodes, {@code host:port}; one that answers is enough
 * @param gateway this process's name in the cluster
 * @param host this host's name, for people
 * @param ownerSecret proves that this is the same owner when it attaches again after a restart
 * @param connectTimeout until the first cluster map has arrived
 * @param attachTimeout until an attachment is admitted everywhere
 * @param requestTimeout of one read, write, zeroing, discard or flush; zero waits as long as it
 *     takes, as a disk would. A write given up this way may still take effect; until that is
 *     settled, writes that overlap it wait.
 * @param maxBytesInFlight of one volume, on their way to or from nodes; what exceeds it waits its
 *     turn
 * @param maxBytesQueued of one volume's writes in all; more answer BACK_PRESSURED
 * @param maxRequests of one volume; more answer BACK_PRESSURED
 * @param threads event loops, when the client has its own
 */
public record MirachClientConfig(
        List<String> endpoints,
        String gateway,
        String host,
        String ownerSecret,
        Duration connectTimeout,
        Duration attachTimeout,
        Duration requestTimeout,
        long maxBytesInFlight,
        long maxBytesQueued,
        int maxRequests,
        int threads,
        TransportConfig transport,
        RoutingConfig routing) {
    public MirachClientConfig {
        endpoints = List.copyOf(endpoints);
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("at least one endpoint is needed");
        }
        endpoints.forEach(NodeAddress::parse);
        if (gateway.isEmpty() || ownerSecret.isEmpty()) {
            throw new IllegalArgumentException("gateway and owner secret must not be empty");
        }
        if (connectTimeout.toNanos() <= 0
                || attachTimeout.toNanos() <= 0
                || requestTimeout.isNegative()) {
            throw new IllegalArgumentException("timeouts must be positive");
        }
        if (maxBytesInFlight < 4 << 20
                || maxBytesQueued < maxBytesInFlight
                || maxRequests < 1
                || threads < 1) {
            throw new IllegalArgumentException(
                    "limits must be positive, bytes in flight at least 4 MiB");
        }
    }

    /** With the default limits and times. */
    public static MirachClientConfig of(
            List<String> endpoints, String gateway, String host, String ownerSecret) {
        return new MirachClientConfig(
                endpoints,
                gateway,
                host,
                ownerSecret,
                Duration.ofSeconds(30),
                Duration.ofSeconds(60),
                Duration.ZERO,
                32L << 20,
                512L << 20,
                65_536,
                1,
                TransportConfig.DEFAULT,
                RoutingConfig.DEFAULT);
    }

    public MirachClientConfig withRequestTimeout(Duration timeout) {
        return new MirachClientConfig(
                endpoints,
                gateway,
                host,
                ownerSecret,
                connectTimeout,
                attachTimeout,
                timeout,
                maxBytesInFlight,
                maxBytesQueued,
                maxRequests,
                threads,
                transport,
                routing);
    }

    public MirachClientConfig withConnectTimeout(Duration timeout) {
        return new MirachClientConfig(
                endpoints,
                gateway,
                host,
                ownerSecret,
                timeout,
                attachTimeout,
                requestTimeout,
                maxBytesInFlight,
                maxBytesQueued,
                maxRequests,
                threads,
                transport,
                routing);
    }

    /** For the log: the secret stays out. */
    @Override
    public String toString() {
        return "MirachClientConfig[endpoints=" + endpoints + ", gateway=" + gateway + "]";
    }
}
