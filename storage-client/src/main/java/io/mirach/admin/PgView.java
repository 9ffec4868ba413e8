package io.mirach.admin;

import io.mirach.model.ReplicaMove;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/**
 * A placement group.
 *
 * @param id 1 and up; 0 is the meta group
 * @param leader the leading node's name; empty if there is none
 * @param term Raft's, as the leader has it; 0 if unknown
 * @param appliedIndex as the leader has it; 0 if unknown
 * @param members what one of them moves to among them
 * @param move a replica that is being moved
 * @param scrub when its replicas were last proven to be well
 * @param recovery the last time that it was recovered with possible loss
 */
public record PgView(
        int id,
        UUID raftGroupId,
        Condition state,
        Optional<String> leader,
        long term,
        long appliedIndex,
        List<Member> members,
        Optional<Move> move,
        Scrub scrub,
        Optional<Recovery> recovery) {
    /** What to think of a placement group. */
    public enum Condition {
        CREATING,
        HEALTHY,
        /** Served, with a member missing or behind. */
        DEGRADED,
        /** No leader: nothing in it is served. */
        UNSERVED,
        /** It is to go on from one replica, which has not taken over yet: nothing is served. */
        RECOVERING
    }

    public PgView {
        Objects.requireNonNull(raftGroupId, "raftGroupId");
        Objects.requireNonNull(state, "state");
        Objects.requireNonNull(leader, "leader");
        members = List.copyOf(members);
        Objects.requireNonNull(move, "move");
        Objects.requireNonNull(scrub, "scrub");
        // Nodes of before do not tell.
        recovery = Objects.requireNonNullElse(recovery, Optional.empty());
    }

    /** One that never lost its majority for good. */
    public PgView(
            int id,
            UUID raftGroupId,
            Condition state,
            Optional<String> leader,
            long term,
            long appliedIndex,
            List<Member> members,
            Optional<Move> move,
            Scrub scrub) {
        this(
                id,
                raftGroupId,
                state,
                leader,
                term,
                appliedIndex,
                members,
                move,
                scrub,
                Optional.empty());
    }

    /**
     * That a placement group had lost its majority for good, and went on from one replica.
     *
     * @param orderedAtMs milliseconds since 1970
     * @param survivor the node that had the replica
     * @param appliedIndex how far it was then, as far as that was known
     * @param newestIndex the newest entry that anybody was known to have then
     * @param discards what is left of before is to be deleted, or is deleted
     * @param leftOn the nodes that still keep a replica of before
     */
    public record Recovery(
            long orderedAtMs,
            String survivor,
            long appliedIndex,
            long newestIndex,
            boolean discards,
            List<String> leftOn) {
        public Recovery {
            Objects.requireNonNull(survivor, "survivor");
            leftOn = List.copyOf(leftOn);
        }
    }

    /**
     * The scrubs of a placement group: every block of all its replicas is read, and the replicas
     * are compared.
     *
     * @param doneAtMs when the last one that found all well began, milliseconds since 1970; 0:
     *     never
     * @param ordered somebody asked for one that has not found all well yet
     * @param percent of one that is under way
     * @param finding what the last one found that nobody can put right
     */
    public record Scrub(
            long doneAtMs, boolean ordered, OptionalInt percent, Optional<String> finding) {
        public static final Scrub NONE = new Scrub(0, false, OptionalInt.empty(), Optional.empty());

        public Scrub {
            Objects.requireNonNull(percent, "percent");
            Objects.requireNonNull(finding, "finding");
        }
    }

    /**
     * A replica on its way from one node to another.
     *
     * @param to the same node, if its data dir was lost
     */
    public record Move(String from, String to, ReplicaMove.Reason reason) {}

    /**
     * One replica.
     *
     * @param role LEADER, FOLLOWER, CANDIDATE, LISTENER, CLOSED, LOST, or UNREACHABLE
     * @param appliedIndex the newest index that it applied; -1 if unknown
     * @param lagEntries how many entries it is behind the leader; -1 if unknown
     * @param needsBackfill the leader's log no longer holds what it lacks
     * @param backfill how far it is brought up, if that has begun
     * @param lostBecause what its node found wrong with it, if it was set aside
     * @param incoming it is being made, to take another's place
     * @param damage what is not intact in it
     */
    public record Member(
            String node,
            UUID dataDir,
            String role,
            long appliedIndex,
            long lagEntries,
            boolean needsBackfill,
            Optional<Backfill> backfill,
            Optional<String> lostBecause,
            boolean incoming,
            Damage damage) {
        public Member {
            Objects.requireNonNull(node, "node");
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(role, "role");
            Objects.requireNonNull(backfill, "backfill");
            Objects.requireNonNull(lostBecause, "lostBecause");
            Objects.requireNonNull(damage, "damage");
        }
    }

    /**
     * What is not intact in a replica. It is not served from there, and repaired from another one.
     *
     * @param blocks that are damaged, as far as they are known
     * @param repairedBlocks since the node started
     * @param beyondRepair why the replica is to be made anew
     */
    public record Damage(int blocks, long repairedBlocks, Optional<String> beyondRepair) {
        public static final Damage NONE = new Damage(0, 0, Optional.empty());

        public Damage {
            Objects.requireNonNull(beyondRepair, "beyondRepair");
        }

        /** Whether nothing is known to be damaged. */
        public boolean intact() {
            return blocks == 0 && beyondRepair.isEmpty();
        }
    }

    /**
     * A replica whose state is copied from its leader, in rounds: a later one copies what changed
     * during the one before.
     *
     * @param round from 1; 0 while it waits for its turn
     * @param doneBytes of this round
     * @param totalBytes of this round
     * @param secondsLeft of this round; -1 if unknown
     */
    public record Backfill(
            int round, long doneBytes, long totalBytes, long bytesPerSecond, long secondsLeft) {}
}
