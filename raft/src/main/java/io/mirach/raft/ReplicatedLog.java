package io.mirach.raft;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/**
 * Orders and replicates opaque commands for one group. Thread-safe; never blocks. While entries are
 * in flight it gathers the commands that arrive and submits them as one Raft entry.
 *
 * @param <R> the reply type of the group's state machine
 */
public interface ReplicatedLog<R> {
    UUID groupId();

    /**
     * Takes ownership of {@code command} and copies it once, into the entry. Completes on the apply
     * thread, in index order, after commit (fsynced on a majority) and apply. Fails with {@link
     * RefusedException} (certainly not appended) or {@link OutcomeUnknownException} (may have been,
     * or may yet be, applied). A replica that was just elected takes commands, but holds them in
     * its bounded queue until every older lease has ended.
     *
     * @throws IllegalArgumentException if the command is more than 64 KiB larger than an entry may
     *     be; it is released
     */
    CompletableFuture<R> propose(ByteBuf command);

    /**
     * Completes when this replica may answer reads from its applied state: it leads, its term's
     * first entry is applied, every older lease has ended, and a read lease holds (or a majority
     * confirmed just now). Completes at once when the lease holds, else on the lease thread: never
     * block there. Fails with {@link RefusedException}. Take the read's view of the state right
     * after: the answer is about now.
     *
     * @param strict trust no clock: ask a majority even when the lease holds
     */
    CompletableFuture<Void> readable(boolean strict);

    /**
     * Keeps in this replica's log what is behind {@code index}, for a replica that is being brought
     * up to there, until the pin is closed or the log is larger than {@code maxLogBytes}. What is
     * purged already, or just now, is not brought back.
     */
    LogPin pin(long index, LongSupplier maxLogBytes);

    /** Holds a part of the log. Thread-safe. */
    interface LogPin extends AutoCloseable {
        /** Lets it go. Idempotent. */
        @Override
        void close();
    }

    /**
     * Asks this leader to change the group's members, by compare-and-set. Completes when the new
     * members are committed, or at once if they are in force; a new member that follows from now on
     * has caught up by then. Fails with {@link RefusedException} (does not lead), {@link
     * MembersRefusedException}, or {@link OutcomeUnknownException}: leadership was lost meanwhile,
     * so ask again, whoever leads.
     *
     * @param expectedVoters who votes until now
     * @param voters who shall vote; this leader is among them
     * @param learners who shall follow without a vote
     * @return the leader's term, and the index of the configuration in force: what {@link
     *     RaftHost#createLearner} needs
     */
    CompletableFuture<LogPosition> changeMembers(
            Set<UUID> expectedVoters, List<Peer> voters, List<Peer> learners);

    /** This replica's view of the group; cheap, for status and heartbeats. */
    ReplicaStatus status();

    /**
     * Asks this leader to hand leadership to {@code peer}; completes when done, fails with the
     * reason.
     */
    CompletableFuture<Void> transferLeadership(UUID peer);
}
