package io.mirach.server.transport;

import io.mirach.client.transport.NodeAddress;
import java.time.Duration;

/**
 * How a node serves the native protocol.
 *
 * @param bindAddress where it listens; port 0 takes a free one
 * @param maxConnections more are closed at once
 * @param maxBytesInFlight of one connection: bodies of requests being answered and of replies not
 *     yet sent, reads counted by what they ask for; beyond it nothing more is read from it. Larger
 *     than what one client keeps in flight, so that only a misbehaving one meets it.
 * @param maxRequestsInFlight of one connection; beyond it nothing more is read from it
 * @param helloTimeout a connection that has not said HELLO by then is closed
 */
public record NativeServerConfig(
        NodeAddress bindAddress,
        int maxConnections,
        long maxBytesInFlight,
        int maxRequestsInFlight,
        Duration helloTimeout) {
    public NativeServerConfig {
        if (maxConnections < 1 || maxBytesInFlight < 4 << 20 || maxRequestsInFlight < 1) {
            throw new IllegalArgumentException(
                    "native server limits must be positive, bytes in flight at least 4 MiB");
        }
    }

    public static NativeServerConfig at(NodeAddress bindAddress) {
        return new NativeServerConfig(
                bindAddress, 4096, 128L << 20, 32_768, Duration.ofSeconds(10));
    }
}
