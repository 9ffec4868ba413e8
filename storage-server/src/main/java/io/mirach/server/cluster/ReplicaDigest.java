package io.mirach.server.cluster;

import java.util.Objects;
import java.util.UUID;

/**
 * The answer to DIGEST: what a replica of the receiver's holds as of an order's entry.
 *
 * @param index of that entry; of the newest one applied, if nothing is known of the order
 * @param sha256 in hex; empty unless done
 * @param doneBlocks read and found intact
 * @param totalBlocks 0 until they are counted
 * @param bytes hashed
 * @param detail what is damaged, or why there is no digest
 */
public record ReplicaDigest(
        State state,
        long index,
        String sha256,
        long doneBlocks,
        long totalBlocks,
        long bytes,
        String detail) {
    /** How far a digest is. */
    public enum State {
        RUNNING,
        DONE,
        /** Something is not intact, so there is nothing to compare. */
        DAMAGED,
        /** Given up. */
        FAILED,
        /**
         * Not ordered yet, or too long ago: a node keeps the newest few, and only while it runs.
         */
        UNKNOWN
    }

    /** The question. */
    public record Query(UUID dataDir, UUID raftGroupId, long id) {
        public Query {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
        }
    }

    public ReplicaDigest {
        Objects.requireNonNull(state, "state");
        Objects.requireNonNull(sha256, "sha256");
        Objects.requireNonNull(detail, "detail");
    }
}
