package io.mirach.nbd;

import java.time.Duration;
import java.util.Objects;

/**
 * What an NBD server allows its clients.
 *
 * @param maxConnections further ones are closed at once
 * @param maxOptions options of one handshake
 * @param maxOptionBytes longer option data is read and refused with NBD_REP_ERR_TOO_BIG
 * @param handshakeTimeout longest time between two whole options
 * @param maxInFlightRequests of one connection, counted until the reply is in the socket; further
 *     ones are not read
 * @param maxInFlightBytes payload of one connection's requests and replies beyond its share, at
 *     least 32 MiB
 * @param memoryBytes payload over all connections; half of it is shared out evenly in advance, so
 *     that a connection with small requests never waits for others
 * @param stallTimeout a connection that holds memory which others wait for, and moves no byte for
 *     so long, is closed
 */
public record NbdLimits(
        int maxConnections,
        int maxOptions,
        int maxOptionBytes,
        Duration handshakeTimeout,
        int maxInFlightRequests,
        long maxInFlightBytes,
        long memoryBytes,
        Duration stallTimeout) {
    public static final NbdLimits DEFAULT =
            new NbdLimits(
                    64,
                    4096,
                    64 << 10,
                    Duration.ofSeconds(30),
                    1024,
                    64L << 20,
                    256L << 20,
                    Duration.ofSeconds(30));

    public NbdLimits {
        Objects.requireNonNull(handshakeTimeout, "handshakeTimeout");
        Objects.requireNonNull(stallTimeout, "stallTimeout");
        check(maxConnections >= 1, "maxConnections must be at least 1");
        check(maxOptions >= 1, "maxOptions must be at least 1");
        check(maxOptionBytes >= 8 << 10, "maxOptionBytes must be at least 8 KiB");
        check(maxInFlightRequests >= 1, "maxInFlightRequests must be at least 1");
        check(
                maxInFlightBytes >= NbdProtocol.MAX_PAYLOAD_BYTES,
                "maxInFlightBytes must be at least 32 MiB");
        check(
                memoryBytes / 2 >= 2L * NbdProtocol.MAX_PAYLOAD_BYTES,
                "memoryBytes must be at least 128 MiB");
        check(
                handshakeTimeout.toMillis() > 0 && stallTimeout.toMillis() > 0,
                "timeouts must be positive");
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    /** What each connection may hold without asking. */
    long sharePerConnectionBytes() {
        return memoryBytes / 2 / maxConnections;
    }

    /** What the connections take from when their shares do not suffice. */
    long pooledBytes() {
        return memoryBytes - sharePerConnectionBytes() * maxConnections;
    }

    /**
     * Half the pool at most, so that one stalled client leaves room for every request of others.
     */
    long maxPooledBytesPerConnection() {
        return Math.min(maxInFlightBytes, pooledBytes() / 2);
    }
}
