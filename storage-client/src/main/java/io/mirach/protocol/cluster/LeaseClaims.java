package io.mirach.protocol.cluster;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * Asks a data dir to confirm that the sender still leads these groups in these terms. Answered with
 * {@link LeaseConfirmations}.
 *
 * @param from the data dir that claims to lead
 * @param to the data dir that is asked
 */
public record LeaseClaims(UUID from, UUID to, List<Claim> claims) {
    /** A claim to lead a Raft group in a term. */
    public record Claim(UUID group, long term) {
        public Claim {
            Objects.requireNonNull(group, "group");
        }
    }

    public LeaseClaims {
        Objects.requireNonNull(from, "from");
        Objects.requireNonNull(to, "to");
        claims = List.copyOf(claims);
    }
}
