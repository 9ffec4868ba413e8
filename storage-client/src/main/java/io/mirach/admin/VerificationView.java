package io.mirach.admin;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * How far the verification of a placement group is, and what it found.
 *
 * @param pg 1 and up
 * @param digest see {@link VerificationOrder}
 * @param settled nothing is under way any longer that could change the verdict
 */
public record VerificationView(
        int pg, long digest, Verdict verdict, boolean settled, List<Result> replicas) {
    /** What is proven. The first that holds counts. */
    public enum Verdict {
        /** Replicas hold different states at the same entry. */
        DIFFERENT,
        /** A replica has a block that is not intact. */
        DAMAGED,
        /** Not every replica was compared, or not yet. */
        INCOMPLETE,
        /** All replicas hold the same at the same entry, and every block is intact. */
        EQUAL
    }

    /** What came of one replica. */
    public enum State {
        RUNNING,
        DONE,
        /** Unlike the majority of the replicas that are done, or unlike the other one. */
        DIFFERENT,
        DAMAGED,
        /** It has not applied the order yet. */
        BEHIND,
        /** It gave up. */
        GAVE_UP,
        /** It knows nothing of the order, though it is beyond it. */
        UNKNOWN,
        /** Its data was set aside. */
        LOST,
        UNREACHABLE
    }

    /**
     * One replica.
     *
     * @param index the entry as of which it is hashed; the newest applied one if it is BEHIND or
     *     UNKNOWN; -1 if unknown
     * @param doneBlocks read and found intact
     * @param totalBlocks 0 until they are counted
     * @param bytes hashed
     * @param sha256 in hex; empty unless it is done
     * @param detail what is wrong; empty if nothing is
     */
    public record Result(
            String node,
            UUID dataDir,
            State state,
            long index,
            long doneBlocks,
            long totalBlocks,
            long bytes,
            String sha256,
            String detail) {
        public Result {
            Objects.requireNonNull(node, "node");
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(state, "state");
            Objects.requireNonNull(sha256, "sha256");
            Objects.requireNonNull(detail, "detail");
        }
    }

    public VerificationView {
        Objects.requireNonNull(verdict, "verdict");
        replicas = List.copyOf(replicas);
    }

    /** How much of what is counted is read, over all replicas; 0 until something is counted. */
    public int donePercent() {
        long done = replicas.stream().mapToLong(Result::doneBlocks).sum();
        long total = replicas.stream().mapToLong(Result::totalBlocks).sum();
        return total == 0 ? 0 : (int) (100 * done / total);
    }
}
