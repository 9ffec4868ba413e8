package io.mirach.gateway;

import static io.mirach.config.ConfigFile.path;
import static io.mirach.config.ConfigFile.required;
import static io.mirach.config.ConfigFile.size;
import static io.mirach.config.ConfigFile.time;

import io.mirach.config.ConfigFile;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.protocol.HttpEndpoint;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Reads a gateway's configuration:
 *
 * <pre>{@code
 * name: hypervisor-1                 # default: the host's name
 * endpoints: [10.0.0.1:7480]
 * listen: [unix:///run/mirach/nbd.sock, tcp://127.0.0.1:10809]
 * state-dir: /var/lib/mirach/gateway
 * auto-attach: false                 # default
 * io-timeout: 0s                     # default: wait for the cluster, as a disk would
 * limits:                            # all with defaults
 *   connections: 64
 *   requests-in-flight: 1024         # per connection
 *   bytes-in-flight: 64MiB           # per connection
 *   memory: 256MiB                   # payload over all connections
 *   handshake-timeout: 30s
 *   stall-timeout: 30s
 *   shutdown-timeout: 20s
 *   threads: 2
 * }</pre>
 *
 * Whatever is wrong fails with INVALID_CONFIG and names the file and the key.
 */
final class GatewayConfigFile {
    /** The file as it is written. */
    record Content(
            String name,
            List<String> endpoints,
            List<String> listen,
            String stateDir,
            Boolean autoAttach,
            String ioTimeout,
            Limits limits) {}

    /** The part under {@code limits}. */
    record Limits(
            Integer connections,
            Integer requestsInFlight,
            String bytesInFlight,
            String memory,
            String handshakeTimeout,
            String stallTimeout,
            String shutdownTimeout,
            Integer threads) {
        static final Limits NONE = new Limits(null, null, null, null, null, null, null, null);
    }

    private GatewayConfigFile() {}

    static GatewayConfig read(Path file) {
        return ConfigFile.read(file, Content.class, GatewayConfigFile::configOf);
    }

    private static GatewayConfig configOf(Content content) {
        Limits limits = Optional.ofNullable(content.limits()).orElse(Limits.NONE);
        return new GatewayConfig(
                Optional.ofNullable(content.name()).orElseGet(GatewayConfigFile::hostName),
                required("endpoints", content.endpoints()).stream()
                        .map(HttpEndpoint::parse)
                        .toList(),
                required("listen", content.listen()).stream().map(NbdAddress::parse).toList(),
                path("state-dir", required("state-dir", content.stateDir())),
                Optional.ofNullable(content.autoAttach()).orElse(false),
                limitsOf(limits),
                time("io-timeout", content.ioTimeout(), GatewayConfig.DEFAULT_IO_TIMEOUT),
                Optional.ofNullable(limits.threads()).orElse(GatewayConfig.DEFAULT_THREADS),
                time(
                        "limits.shutdown-timeout",
                        limits.shutdownTimeout(),
                        GatewayConfig.DEFAULT_SHUTDOWN_TIMEOUT));
    }

    private static NbdLimits limitsOf(Limits limits) {
        NbdLimits defaults = NbdLimits.DEFAULT;
        return new NbdLimits(
                Optional.ofNullable(limits.connections()).orElse(defaults.maxConnections()),
                defaults.maxOptions(),
                defaults.maxOptionBytes(),
                time(
                        "limits.handshake-timeout",
                        limits.handshakeTimeout(),
                        defaults.handshakeTimeout()),
                Optional.ofNullable(limits.requestsInFlight())
                        .orElse(defaults.maxInFlightRequests()),
                size("limits.bytes-in-flight", limits.bytesInFlight(), defaults.maxInFlightBytes()),
                size("limits.memory", limits.memory(), defaults.memoryBytes()),
                time("limits.stall-timeout", limits.stallTimeout(), defaults.stallTimeout()));
    }

    /** The short name of this host. */
    static String hostName() {
        try {
            String name = InetAddress.getLocalHost().getHostName();
            int dot = name.indexOf('.');
            return (dot < 0 ? name : name.substring(0, dot)).toLowerCase(Locale.ROOT);
        } catch (UnknownHostException unnamed) {
            throw new IllegalArgumentException(
                    "'name' is missing and this host's name is not known", unnamed);
        }
    }
}
