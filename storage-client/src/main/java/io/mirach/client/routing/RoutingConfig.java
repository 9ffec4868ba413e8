package io.mirach.client.routing;

import java.time.Duration;

/**
 * How a group's leader is looked for.
 *
 * @param minBackoff the first pause after all members were tried in vain; doubles each time
 * @param maxBackoff the longest pause
 * @param attemptTimeout after which a request without an answer is sent again, perhaps elsewhere; a
 *     peer that gives no sign of life is noticed sooner
 */
public record RoutingConfig(Duration minBackoff, Duration maxBackoff, Duration attemptTimeout) {
    public static final RoutingConfig DEFAULT =
            new RoutingConfig(Duration.ofMillis(5), Duration.ofMillis(500), Duration.ofSeconds(10));

    public RoutingConfig {
        if (minBackoff.toNanos() <= 0
                || maxBackoff.compareTo(minBackoff) < 0
                || attemptTimeout.toNanos() <= 0) {
            throw new IllegalArgumentException("routing times must be positive and in order");
        }
    }

    /**
     * The pause before the next round of attempts: doubles with each round, and is shortened by up
     * to half so that many waiters do not come back together.
     *
     * @param rounds that have failed, from 0
     * @param jitter from 0 to 1
     */
    public long backoffNanos(int rounds, double jitter) {
        long doubled = minBackoff.toNanos() << Math.min(rounds, 20);
        long bounded = Math.min(doubled, maxBackoff.toNanos());
        return bounded - (long) (bounded * jitter / 2);
    }
}
