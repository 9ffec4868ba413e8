package io.mirach.raft;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;

/**
 * Settings of one {@link RaftHost}. Defaults stand in {@link #defaults}.
 *
 * @param peerId the data dir's UUID
 * @param storageDir where the logs are kept
 * @param address the address that Raft listens on and peers connect to, {@code host:port}
 * @param electionTimeoutMin the shortest time without a leader before an election
 * @param electionTimeoutMax the longest
 * @param readLease how long a confirmed lease holds from the time its question was sent
 * @param readLeaseInterval how often leases are renewed
 * @param maxEntryBytes a batch is closed at this size
 * @param maxEntriesInFlight entries submitted and not yet applied, per group
 * @param maxQueuedBytes commands waiting per group; beyond it they are refused with BACK_PRESSURED
 * @param checkpointBytes bytes applied in a group before a checkpoint is asked for
 * @param logRetentionBytes log kept per group for followers that lag
 */
public record RaftHostConfig(
        UUID peerId,
        Path storageDir,
        String address,
        Duration electionTimeoutMin,
        Duration electionTimeoutMax,
        Duration readLease,
        Duration readLeaseInterval,
        int maxEntryBytes,
        int maxEntriesInFlight,
        long maxQueuedBytes,
        long checkpointBytes,
        long logRetentionBytes) {
    public RaftHostConfig {
        Objects.requireNonNull(peerId, "peerId");
        Objects.requireNonNull(storageDir, "storageDir");
        Objects.requireNonNull(address, "address");
    }

    /** The measured defaults. */
    public static RaftHostConfig defaults(UUID peerId, Path storageDir, String address) {
        return new RaftHostConfig(
                peerId,
                storageDir,
                address,
                Duration.ofSeconds(1),
                Duration.ofSeconds(2),
                Duration.ofMillis(500),
                Duration.ofMillis(100),
                1 << 20,
                // Several only where each is large: small commands gather behind the one in flight.
                4,
                32L << 20,
                64L << 20,
                256L << 20);
    }
}
