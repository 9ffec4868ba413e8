package io.mirach.model;

import java.util.Objects;

/**
 * A live migration: two gateways may write to a volume for a bounded time, after which the first is
 * revoked; or the second, if it never came. Ends early when one of them detaches. The time is
 * counted by the meta leader's monotonic clock, anew by a new leader.
 *
 * @param id of this migration, never used again
 * @param from the gateway that holds the volume
 * @param to the gateway that takes it over
 */
public record Migration(long id, String from, String to, long windowMs) {
    public Migration {
        Objects.requireNonNull(from, "from");
        Objects.requireNonNull(to, "to");
        if (windowMs <= 0) {
            throw new IllegalArgumentException("a migration window must be positive: " + windowMs);
        }
    }

    /** Whether the two gateways are the two of this migration. */
    public boolean joins(String one, String other) {
        return from.equals(one) && to.equals(other) || from.equals(other) && to.equals(one);
    }
}
