package io.mirach.server.transport;

import io.mirach.client.transport.NodeAddress;
import io.netty.util.internal.PlatformDependent;
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
 * @param maxBytesInAll of all connections, counted in the same way; beyond it, and beyond half of
 *     it for one connection, reads and writes are refused with BACK_PRESSURED
 * @param helloTimeout a connection that has not said HELLO by then is closed
 * @param stallTimeout a connection whose peer takes no byte of its replies for so long is closed
 */
public record NativeServerConfig(
        NodeAddress bindAddress,
        int maxConnections,
        long maxBytesInFlight,
        int maxRequestsInFlight,
        long maxBytesInAll,
        Duration helloTimeout,
        Duration stallTimeout) {
    // The rest is for frames that are still arriving, for peers of the node, and for buffers half
    // full.
    private static final long DEFAULT_BYTES_IN_ALL =
            Math.max(32L << 20, PlatformDependent.maxDirectMemory() / 8 * 3);

    public NativeServerConfig {
        if (maxConnections < 1
                || maxBytesInFlight < 4 << 20
                || maxRequestsInFlight < 1
                || maxBytesInAll < 4 << 20) {
            throw new IllegalArgumentException(
                    "native server limits must be positive, bytes in flight at least 4 MiB");
        }
    }

    public static NativeServerConfig at(NodeAddress bindAddress) {
        return new NativeServerConfig(
                bindAddress,
                4096,
                128L << 20,
                32_768,
                DEFAULT_BYTES_IN_ALL,
                Duration.ofSeconds(10),
                Duration.ofSeconds(15));
    }
}
