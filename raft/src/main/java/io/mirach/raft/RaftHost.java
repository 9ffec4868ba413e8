package io.mirach.raft;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * All Raft groups of one data dir: one server, whose peer id is the dir's UUID. Groups found on
 * disk are checked and started with it. Thread-safe.
 */
public interface RaftHost extends AutoCloseable {
    /** Makes the state machine of a group, when the group is created or found on disk. */
    interface StateMachines {
        ReplicatedStateMachine<?> open(UUID groupId);

        /**
         * Makes the state of one group, which is not open, that of another one, which has none:
         * durably, and as a whole. What it began with is the log base of the other one. No change
         * if that was done before.
         */
        default void handOver(UUID from, UUID to) {
            throw new UnsupportedOperationException("states stay where they are");
        }
    }

    /**
     * Told once, when a group or the whole host stopped by itself (failed fsync, full log): the
     * process must end.
     */
    interface FailureListener {
        void failed(String what, Throwable cause);
    }

    UUID peerId();

    /** The groups that are served here. */
    Set<UUID> groups();

    /**
     * The groups whose replica here is lost, and why: at the start its log was found damaged, or
     * shorter than what it had acknowledged. It is set aside, serves nothing and does not vote.
     */
    Map<UUID, String> lostGroups();

    /**
     * The log of a group that is served here.
     *
     * @param <R> the reply type of the state machine that {@link StateMachines} made for this group
     */
    <R> Optional<ReplicatedLog<R>> log(UUID groupId);

    /**
     * Creates this data dir's replica of a new group, empty. Completes when it is served;
     * idempotent. Fails with {@link ReplicaLostException} if the group is lost here.
     */
    CompletableFuture<Void> createGroup(RaftGroupMembers members);

    /**
     * Creates this data dir's replica of a group that others have, as one that only follows: the
     * way back for one that is lost, was removed or was wiped. It keeps the state that its state
     * machine has. It neither votes nor stands for election until a configuration behind {@code
     * without} makes it a voter. Completes when it is there; idempotent.
     *
     * @param members the voters; this data dir is not among them
     * @param self this data dir
     * @param without what {@link ReplicatedLog#changeMembers} answered when a configuration without
     *     this data dir had been committed: the leader's term and the configuration's index
     */
    CompletableFuture<Void> createLearner(RaftGroupMembers members, Peer self, LogPosition without);

    /**
     * Makes a new group that begins with what this data dir's replica of another one has, its whole
     * log applied, and of which this data dir is the only member. For a group that lost its
     * majority for good: entries that were never committed may take effect by this, as they might
     * have. The replica of the other group is set aside, durably, before anything of this is done,
     * so it never votes there again; it is found in {@link #lostGroups}, and its log is kept until
     * {@link #removeGroup}. Idempotent; what a crash cut off, the next start finishes. Fails with
     * {@link ReplicaLostException} if that replica is lost, or not here.
     *
     * @param to a group that never was
     * @param self this data dir
     */
    CompletableFuture<Void> succeed(UUID from, UUID to, Peer self);

    /**
     * Stops serving a group and deletes its log, and whatever was set aside of it. Its state
     * machine is closed first. Idempotent. Fails with {@link MembersRefusedException} if the
     * replica was made anew behind a later configuration, or knows a later one that it belongs to:
     * the order to remove is a late one, and was meant for the replica before.
     *
     * @param configuration the index of a committed configuration without this data dir; {@link
     *     Long#MAX_VALUE} if the group is of no use any more
     */
    CompletableFuture<Void> removeGroup(UUID groupId, long configuration);

    /**
     * How long an fsync of the logs here takes: the mean over about the last two seconds, or how
     * long one under way has taken, if that is longer; zero if there was none.
     */
    Duration syncTime();

    /** This host's side of the read lease: answers a peer's questions; see {@link ReadLease}. */
    ReadLease readLease();

    @Override
    void close();
}
