package io.mirach.client.transport;

import java.time.Duration;

/**
 * How one side speaks to nodes.
 *
 * @param connectTimeout until the connection stands and the peer has answered HELLO
 * @param pingAfter silence of a connection with requests in flight, after which the peer is asked
 *     for a sign of life
 * @param deadAfter without one for so long, the connection is given up
 * @param maxRequestsInFlight per connection; more answer BACK_PRESSURED
 * @param maxBytesInFlight of request bodies, per connection; more answer BACK_PRESSURED
 */
public record TransportConfig(
        Duration connectTimeout,
        Duration pingAfter,
        Duration deadAfter,
        int maxRequestsInFlight,
        long maxBytesInFlight) {
    public static final TransportConfig DEFAULT =
            new TransportConfig(
                    Duration.ofSeconds(3),
                    Duration.ofSeconds(1),
                    Duration.ofSeconds(3),
                    16_384,
                    64L << 20);

    public TransportConfig {
        if (connectTimeout.isNegative()
                || connectTimeout.isZero()
                || pingAfter.isNegative()
                || deadAfter.isNegative()
                || maxRequestsInFlight < 1
                || maxBytesInFlight < 4 << 20) {
            throw new IllegalArgumentException(
                    "transport limits must be positive, bytes in flight at least 4 MiB");
        }
    }
}
