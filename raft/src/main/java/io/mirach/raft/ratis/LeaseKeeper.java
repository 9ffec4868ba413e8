package io.mirach.raft.ratis;

import io.mirach.raft.ReadLease;
import io.mirach.raft.RefusedException;
import io.mirach.raft.RefusedException.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the read leases of one data dir, and answers the peers that ask for theirs. The argument
 * why a lease is safe:
 *
 * <ol>
 *   <li>A peer confirms (group, term) only while its own term is that one. So when it votes for a
 *       later leader, it does so after the question was sent.
 *   <li>A later leader needs a vote from at least one peer of every majority that confirmed, so it
 *       is elected after the question was sent, and it answers nothing for the lease time after
 *       that. The lease ends before: at the question's send time plus the lease time, less a margin
 *       for clocks that run at different speeds.
 *   <li>Within its term the leader alone answers, and its applied state holds all that it and
 *       earlier leaders acknowledged, once its term's first entry is applied.
 * </ol>
 *
 * The first leader of a group need not wait: if its first entry is the log's first, then no earlier
 * leader ever committed anything, so none had a lease.
 *
 * <p>{@link #confirm} and {@link #readable} are called by any thread; all else runs on the lease
 * thread.
 */
final class LeaseKeeper implements ReadLease {
    private static final Logger LOG = LoggerFactory.getLogger(LeaseKeeper.class);

    /** Reads that wait in one group; beyond it they are refused with BACK_PRESSURED. */
    static final int MAX_WAITING_READS = 16 * 1024;

    // Of the lease time, for monotonic clocks that run at different speeds: 10 %.
    private static final int DRIFT_MARGIN_DIVISOR = 10;
    // The wall clock moving against the monotonic one means that the latter may have stood still.
    private static final long MAX_CLOCK_STEP_MS = 50;
    // Questions to one peer without an answer; beyond it the peer is not asked until some age out.
    private static final int MAX_UNANSWERED = 16;

    private static final CompletableFuture<Void> HOLDS = CompletableFuture.completedFuture(null);

    private final UUID self;
    private final Channel channel;
    private final LeaseTimer timer;
    private final long leaseNanos;
    private final long holdNanos;
    private final long intervalNanos;
    private final long startNanos;

    private final Map<UUID, Entry> entries = new ConcurrentHashMap<>();

    // Confined to the lease thread.
    private final Map<UUID, List<Long>> unanswered = new HashMap<>();
    private long sequence;
    private long clockOffsetMs;
    private boolean roundsScheduled;
    private boolean closed;

    private static final class Entry {
        final GroupLease lease;
        final AtomicInteger waiting = new AtomicInteger();

        Entry(GroupLease lease) {
            this.lease = lease;
        }
    }

    LeaseKeeper(UUID self, Channel channel, LeaseTimer timer, Duration lease, Duration interval) {
        this.self = self;
        this.channel = channel;
        this.timer = timer;
        this.leaseNanos = lease.toNanos();
        this.holdNanos = leaseNanos - leaseNanos / DRIFT_MARGIN_DIVISOR;
        this.intervalNanos = interval.toNanos();
        this.startNanos = timer.nanoTime();
        this.clockOffsetMs = clockOffsetMs();
    }

    void start() {
        timer.schedule(this::tickAndRepeat, intervalNanos);
    }

    void close() {
        timer.execute(
                () -> {
                    closed = true;
                    entries.values().forEach(each -> drop(each));
                    entries.clear();
                });
    }

    private static void drop(Entry entry) {
        entry.lease.end(Optional.empty());
        entry.lease.fail(Reason.NO_SUCH_GROUP, Optional.empty());
    }

    void add(LeaseSubject subject) {
        entries.put(subject.groupId(), new Entry(new GroupLease(self, subject)));
    }

    void remove(UUID groupId) {
        Entry removed = entries.remove(groupId);
        if (removed != null) {
            timer.execute(() -> drop(removed));
        }
    }

    /**
     * This replica's first entry of {@code term} is applied.
     *
     * @param electedNanos a time not before its election
     * @param first whether that entry is the first of the group's log
     */
    void began(UUID groupId, long election, long term, long electedNanos, boolean first) {
        timer.execute(() -> begin(groupId, election, term, electedNanos, first));
    }

    /** This replica leads the group no more. */
    void ended(UUID groupId, Optional<UUID> leaderHint) {
        timer.execute(
                () -> {
                    Entry entry = entries.get(groupId);
                    if (entry != null) {
                        entry.lease.end(leaderHint);
                    }
                });
    }

    /** See {@link io.mirach.raft.ReplicatedLog#readable}. */
    CompletableFuture<Void> readable(UUID groupId, boolean strict) {
        Entry entry = entries.get(groupId);
        if (entry == null) {
            return refused(Reason.NO_SUCH_GROUP, Optional.empty());
        }
        if (!strict && entry.lease.holds(timer.nanoTime())) {
            return HOLDS;
        }
        LeaseSubject subject = entry.lease.subject();
        if (!subject.leads()) {
            return refused(Reason.NOT_LEADER, subject.leaderHint());
        }
        if (entry.waiting.incrementAndGet() > MAX_WAITING_READS) {
            entry.waiting.decrementAndGet();
            return refused(Reason.BACK_PRESSURED, Optional.empty());
        }
        CompletableFuture<Void> reply = new CompletableFuture<>();
        CompletableFuture<Void> counted =
                reply.whenComplete((done, failure) -> entry.waiting.decrementAndGet());
        timer.execute(() -> await(entry, strict, reply));
        return counted;
    }

    @Override
    public Set<UUID> confirm(UUID from, List<Claim> claims) {
        Set<UUID> confirmed = new HashSet<>();
        for (Claim claim : claims) {
            Entry entry = entries.get(claim.groupId());
            if (entry != null && confirms(entry.lease.subject(), claim)) {
                confirmed.add(claim.groupId());
            }
        }
        return confirmed;
    }

    private boolean confirms(LeaseSubject subject, Claim claim) {
        return subject.alive()
                && subject.configurations().stream().anyMatch(voters -> voters.contains(self))
                && subject.currentTerm() == claim.term();
    }

    private static CompletableFuture<Void> refused(Reason reason, Optional<UUID> hint) {
        return CompletableFuture.failedFuture(new RefusedException(reason, hint));
    }

    // ---- The lease thread ----

    private void begin(UUID groupId, long election, long term, long electedNanos, boolean first) {
        Entry entry = entries.get(groupId);
        if (entry == null || closed) {
            return;
        }
        GroupLease lease = entry.lease;
        long now = timer.nanoTime();
        long readyAt = first ? now : electedNanos + leaseNanos;
        GroupLease.Leading leading = new GroupLease.Leading(election, term, readyAt);
        lease.begin(leading);
        if (!stillLeads(lease)) {
            return;
        }
        ask(List.of(lease));
        long wait = readyAt - now;
        if (wait <= 0) {
            ready(lease, leading);
        } else {
            timer.schedule(() -> ready(lease, leading), wait);
        }
    }

    private void ready(GroupLease lease, GroupLease.Leading leading) {
        if (closed || !leading.equals(lease.leading())) {
            return;
        }
        if (timer.nanoTime() - leading.readyAtNanos() < 0) {
            // The timer ran early; never answer early.
            timer.schedule(() -> ready(lease, leading), leading.readyAtNanos() - timer.nanoTime());
            return;
        }
        lease.subject().mayAnswer(leading.election());
        lease.release(timer.nanoTime());
        scheduleRounds();
    }

    private boolean stillLeads(GroupLease lease) {
        LeaseSubject subject = lease.subject();
        if (subject.leads() && subject.currentTerm() == lease.leading().term()) {
            return true;
        }
        long ended = lease.leading().election();
        lease.end(subject.leaderHint());
        subject.leadsNoMore(ended);
        return false;
    }

    private void await(Entry entry, boolean strict, CompletableFuture<Void> reply) {
        GroupLease lease = entry.lease;
        if (closed || entries.get(lease.subject().groupId()) != entry) {
            reply.completeExceptionally(
                    new RefusedException(Reason.NO_SUCH_GROUP, Optional.empty()));
            return;
        }
        if (!lease.subject().leads()) {
            reply.completeExceptionally(
                    new RefusedException(Reason.NOT_LEADER, lease.subject().leaderHint()));
            return;
        }
        long now = timer.nanoTime();
        long deadline = now + 2 * leaseNanos;
        if (lease.leading() != null && lease.leading().readyAtNanos() - now > 0) {
            deadline = lease.leading().readyAtNanos() + 2 * leaseNanos;
        }
        // Only a round that starts later than the call proves anything to a strict read.
        lease.await(strict, sequence + 1, deadline, reply);
        lease.release(now);
        scheduleRounds();
    }

    /** Asks once for all that has gathered meanwhile. */
    private void scheduleRounds() {
        if (roundsScheduled) {
            return;
        }
        roundsScheduled = true;
        timer.execute(
                () -> {
                    roundsScheduled = false;
                    List<GroupLease> wanting = new ArrayList<>();
                    for (Entry entry : entries.values()) {
                        if (entry.lease.wantsRound()) {
                            wanting.add(entry.lease);
                        }
                    }
                    if (!wanting.isEmpty()) {
                        ask(wanting);
                    }
                });
    }

    private void tickAndRepeat() {
        if (closed) {
            return;
        }
        try {
            tick();
        } catch (RuntimeException e) {
            LOG.error("The read leases could not be renewed; reads wait", e);
        } finally {
            timer.schedule(this::tickAndRepeat, intervalNanos);
        }
    }

    /** Renews what is led, drops what the clocks make doubtful, and lets late waiters go. */
    void tick() {
        long now = timer.nanoTime();
        long offset = clockOffsetMs();
        boolean clockStepped = Math.abs(offset - clockOffsetMs) > MAX_CLOCK_STEP_MS;
        if (clockStepped) {
            LOG.warn(
                    "The wall clock moved by {} ms against the monotonic one: all read leases are"
                            + " dropped and asked for again",
                    offset - clockOffsetMs);
        }
        clockOffsetMs = offset;
        List<GroupLease> led = new ArrayList<>();
        for (Entry entry : entries.values()) {
            GroupLease lease = entry.lease;
            if (clockStepped) {
                lease.drop(sequence + 1);
            }
            if (lease.leading() != null && stillLeads(lease)) {
                led.add(lease);
            } else if (lease.hasWaiters() && !lease.subject().leads()) {
                lease.fail(Reason.NOT_LEADER, lease.subject().leaderHint());
            }
            lease.expire(now);
        }
        if (!led.isEmpty()) {
            ask(led);
        }
    }

    private long clockOffsetMs() {
        return timer.wallTimeMs() - (timer.nanoTime() - startNanos) / 1_000_000;
    }

    /** Sends each peer one message with all that concerns it. */
    private void ask(List<GroupLease> leases) {
        sequence++;
        long sent = timer.nanoTime();
        Map<UUID, List<GroupLease.Round>> rounds = new HashMap<>();
        for (GroupLease lease : leases) {
            GroupLease.Round round = lease.newRound(sequence, sent);
            for (UUID peer : lease.peersToAsk()) {
                if (mayAsk(peer, sent)) {
                    round.asked();
                    rounds.computeIfAbsent(peer, key -> new ArrayList<>()).add(round);
                }
            }
            evaluate(round);
        }
        rounds.forEach((peer, asked) -> ask(peer, asked, sent));
    }

    private boolean mayAsk(UUID peer, long now) {
        List<Long> times = unanswered.computeIfAbsent(peer, key -> new ArrayList<>());
        times.removeIf(sent -> now - sent > 4 * leaseNanos);
        return times.size() < MAX_UNANSWERED;
    }

    private void ask(UUID peer, List<GroupLease.Round> asked, long sent) {
        List<Claim> claims = new ArrayList<>(asked.size());
        for (GroupLease.Round round : asked) {
            claims.add(new Claim(round.lease().subject().groupId(), round.leading.term()));
        }
        unanswered.get(peer).add(sent);
        CompletableFuture<Set<UUID>> answer;
        try {
            answer = channel.ask(self, peer, claims);
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        answer.whenComplete(
                (confirmed, failure) ->
                        timer.execute(
                                () ->
                                        answered(
                                                peer,
                                                asked,
                                                sent,
                                                failure == null ? confirmed : Set.of())));
    }

    private void answered(UUID peer, List<GroupLease.Round> asked, long sent, Set<UUID> confirmed) {
        unanswered.getOrDefault(peer, new ArrayList<>()).remove((Object) sent);
        for (GroupLease.Round round : asked) {
            round.answered(peer, confirmed.contains(round.lease().subject().groupId()));
            evaluate(round);
        }
        if (entries.values().stream().anyMatch(entry -> entry.lease.wantsRound())) {
            scheduleRounds();
        }
    }

    private void evaluate(GroupLease.Round round) {
        GroupLease lease = round.lease();
        if (lease.evaluate(round, holdNanos)) {
            lease.release(timer.nanoTime());
        } else if (round.leading.equals(lease.leading())) {
            stillLeads(lease);
        }
    }
}
