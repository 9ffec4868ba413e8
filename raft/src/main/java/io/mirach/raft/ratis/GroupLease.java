package io.mirach.raft.ratis;

import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * The read lease of one group on this replica, and the reads that wait for it. Confined to the
 * lease thread, except {@link #held}.
 */
final class GroupLease {
    /**
     * A leadership whose first entry is applied.
     *
     * @param election counts this replica's elections
     * @param term the lease's term, taken from that first entry
     * @param readyAtNanos when every older lease has ended
     */
    record Leading(long election, long term, long readyAtNanos) {}

    /** When reads need no question. */
    private record Held(long fromNanos, long untilNanos) {}

    /** One question to the peers: may I still answer? */
    final class Round {
        final long sequence;
        final long sentNanos;
        final Leading leading;
        private final Set<UUID> confirmed = new HashSet<>();
        private int unanswered;
        private boolean confirmedByMajority;

        private Round(long sequence, long sentNanos) {
            this.sequence = sequence;
            this.sentNanos = sentNanos;
            this.leading = GroupLease.this.leading;
        }

        GroupLease lease() {
            return GroupLease.this;
        }

        void asked() {
            unanswered++;
        }

        void answered(UUID peer, boolean confirms) {
            unanswered--;
            if (confirms) {
                confirmed.add(peer);
            }
        }
    }

    private record Waiter(
            boolean strict, long sequence, long deadlineNanos, CompletableFuture<Void> reply) {}

    private final UUID self;
    private final LeaseSubject subject;
    // Reads come here from any thread.
    private volatile Held held;

    private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();
    private Leading leading;
    private Round open;
    private long confirmedSequence;
    private long oldestValidSequence;
    private Long untilNanos;

    GroupLease(UUID self, LeaseSubject subject) {
        this.self = self;
        this.subject = subject;
    }

    LeaseSubject subject() {
        return subject;
    }

    Leading leading() {
        return leading;
    }

    /** Whether the lease holds; any thread. */
    boolean holds(long nowNanos) {
        Held now = held;
        return now != null && nowNanos - now.fromNanos >= 0 && nowNanos - now.untilNanos < 0;
    }

    void begin(Leading begun) {
        drop(Long.MAX_VALUE);
        // What an earlier term confirmed says nothing about this one.
        confirmedSequence = 0;
        leading = begun;
        open = null;
    }

    /** Leads no more: nothing is held, and whoever waits is told. */
    void end(Optional<UUID> leaderHint) {
        drop(Long.MAX_VALUE);
        leading = null;
        open = null;
        fail(Reason.NOT_LEADER, leaderHint);
    }

    void fail(Reason reason, Optional<UUID> leaderHint) {
        RefusedException refused = new RefusedException(reason, leaderHint);
        for (Waiter waiter = waiters.poll(); waiter != null; waiter = waiters.poll()) {
            waiter.reply.completeExceptionally(refused);
        }
    }

    /** Forgets what was confirmed; rounds before {@code sequence} confirm nothing any more. */
    void drop(long sequence) {
        held = null;
        untilNanos = null;
        oldestValidSequence = sequence;
    }

    void await(boolean strict, long sequence, long deadlineNanos, CompletableFuture<Void> reply) {
        waiters.add(new Waiter(strict, sequence, deadlineNanos, reply));
    }

    boolean hasWaiters() {
        return !waiters.isEmpty();
    }

    /**
     * Whether a reader waits that no round so far could help. One whom a round failed waits for the
     * next tick instead: asking again at once would spin while a majority is away.
     */
    boolean wantsRound() {
        if (leading == null || waiters.isEmpty()) {
            return false;
        }
        if (open == null) {
            return true;
        }
        boolean decided = open.confirmedByMajority || open.unanswered <= 0;
        return decided && waiters.peekLast().sequence > open.sequence;
    }

    Round newRound(long sequence, long sentNanos) {
        if (oldestValidSequence == Long.MAX_VALUE) {
            oldestValidSequence = sequence;
        }
        open = new Round(sequence, sentNanos);
        return open;
    }

    Set<UUID> peersToAsk() {
        Set<UUID> peers = new HashSet<>();
        subject.configurations().forEach(peers::addAll);
        peers.remove(self);
        return peers;
    }

    /**
     * Takes what {@code round} has learned so far.
     *
     * @param holdNanos how long a confirmed lease holds from the time its question was sent
     * @return false if this replica leads no more
     */
    boolean evaluate(Round round, long holdNanos) {
        if (!round.leading.equals(leading) || round.confirmedByMajority) {
            return true;
        }
        // This replica's own confirmation: it leads and its term is still the lease's, so it has
        // voted for nobody since the question was sent.
        if (!subject.leads() || subject.currentTerm() != round.leading.term) {
            return false;
        }
        if (round.sequence < oldestValidSequence || !majorityConfirms(round.confirmed)) {
            return true;
        }
        round.confirmedByMajority = true;
        confirmedSequence = Math.max(confirmedSequence, round.sequence);
        long until = round.sentNanos + holdNanos;
        if (untilNanos == null || until - untilNanos > 0) {
            untilNanos = until;
            held = new Held(leading.readyAtNanos, until);
        }
        return true;
    }

    private boolean majorityConfirms(Set<UUID> confirmed) {
        List<Set<UUID>> configurations = subject.configurations();
        if (configurations.isEmpty()) {
            return false;
        }
        for (Set<UUID> voters : configurations) {
            long count =
                    voters.stream().filter(id -> id.equals(self) || confirmed.contains(id)).count();
            if (count <= voters.size() / 2) {
                return false;
            }
        }
        return true;
    }

    /** Lets go the reads that may be answered now. */
    void release(long nowNanos) {
        if (leading == null || nowNanos - leading.readyAtNanos < 0) {
            return;
        }
        boolean holds = holds(nowNanos);
        for (Iterator<Waiter> each = waiters.iterator(); each.hasNext(); ) {
            Waiter waiter = each.next();
            if (waiter.sequence <= confirmedSequence || (holds && !waiter.strict)) {
                each.remove();
                waiter.reply.complete(null);
            }
        }
    }

    void expire(long nowNanos) {
        for (Iterator<Waiter> each = waiters.iterator(); each.hasNext(); ) {
            Waiter waiter = each.next();
            if (nowNanos - waiter.deadlineNanos >= 0) {
                each.remove();
                waiter.reply.completeExceptionally(
                        new RefusedException(Reason.NOT_READY, Optional.empty()));
            }
        }
    }
}
