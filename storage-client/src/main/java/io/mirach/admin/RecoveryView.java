package io.mirach.admin;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * What the recovery of a placement group that lost its majority for good would mean.
 *
 * @param pg from 1
 * @param underWay a recovery was ordered, and its survivor has not taken over yet
 * @param refusal why it cannot be recovered as things are; empty if it can
 * @param survivor the node whose replica it would go on from
 * @param replicas all that are known of
 * @param newestIndex the newest entry that anybody is known to have had; -1 if unknown
 * @param missingEntries how many of these the survivor is known to lack, at most; there may be more
 *     that nobody who is known of had told
 * @param volumes that have a part in it
 */
public record RecoveryView(
        int pg,
        boolean underWay,
        Optional<Refusal> refusal,
        Optional<String> survivor,
        List<ReplicaLeft> replicas,
        long newestIndex,
        long missingEntries,
        List<String> volumes) {
    public RecoveryView {
        Objects.requireNonNull(refusal, "refusal");
        Objects.requireNonNull(survivor, "survivor");
        replicas = List.copyOf(replicas);
        volumes = List.copyOf(volumes);
    }

    /** As an {@link ErrorView}. */
    public record Refusal(String code, String detail, String remedy) {}

    /**
     * A replica.
     *
     * @param usable it could be gone on from
     * @param state in few words: "follower", "lost: ...", "not heard for 90 s", ...
     * @param appliedIndex the newest entry that it is known to have applied; -1 if unknown
     */
    public record ReplicaLeft(
            String node, UUID dataDir, boolean usable, String state, long appliedIndex) {
        public ReplicaLeft {
            Objects.requireNonNull(node, "node");
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(state, "state");
        }
    }
}
