package io.mirach.raft.ratis;

import io.mirach.raft.ReadLease.Claim;
import java.io.IOException;
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

/** Lease keepers over a pretended Raft, a pretended network and virtual time. */
final class LeaseCluster {
    static final Duration LEASE = Duration.ofMillis(500);
    static final Duration INTERVAL = Duration.ofMillis(100);

    final VirtualTime time = new VirtualTime();
    final UUID group = UUID.randomUUID();
    final List<Replica> replicas = new ArrayList<>();
    final Map<UUID, Integer> questions = new HashMap<>();
    Duration delay = Duration.ofMillis(1);

    /** One replica: a term, a role, the configurations it knows. */
    final class Replica implements LeaseSubject {
        final UUID id = UUID.randomUUID();
        final VirtualTime.Clock clock;
        final LeaseKeeper keeper;
        final List<Long> answering = new ArrayList<>();
        final List<Long> told = new ArrayList<>();
        List<Set<UUID>> configurations = List.of();
        boolean alive = true;
        boolean leads;
        boolean reachable = true;
        boolean silent;
        long term;
        long election;
        UUID hint;

        Replica(double rate) {
            clock = time.new Clock(rate);
            keeper =
                    new LeaseKeeper(
                            id,
                            (from, to, claims) -> ask(this, replica(to), claims),
                            clock,
                            LEASE,
                            INTERVAL);
            keeper.add(this);
            keeper.start();
        }

        /** Wins an election for {@code newTerm} and applies its first entry at once. */
        void lead(long newTerm, boolean firstOfGroup) {
            term = newTerm;
            leads = true;
            election++;
            keeper.began(group, election, newTerm, clock.nanoTime(), firstOfGroup);
            time.settle();
        }

        void follow(long newTerm, UUID leader) {
            term = newTerm;
            hint = leader;
            if (leads) {
                leads = false;
                keeper.ended(group, Optional.ofNullable(leader));
                time.settle();
            }
        }

        CompletableFuture<Void> read(boolean strict) {
            CompletableFuture<Void> reply = keeper.readable(group, strict);
            time.settle();
            return reply;
        }

        boolean mayAnswerNow() {
            return leads && answering.contains(election);
        }

        @Override
        public UUID groupId() {
            return group;
        }

        @Override
        public boolean alive() {
            return alive;
        }

        @Override
        public long currentTerm() {
            return term;
        }

        @Override
        public boolean leads() {
            return leads;
        }

        @Override
        public Optional<UUID> leaderHint() {
            return Optional.ofNullable(hint);
        }

        @Override
        public List<Set<UUID>> configurations() {
            return configurations;
        }

        @Override
        public void mayAnswer(long since) {
            answering.add(since);
        }

        @Override
        public void leadsNoMore(long since) {
            told.add(since);
        }
    }

    LeaseCluster(double... rates) {
        Set<UUID> voters = new HashSet<>();
        for (double rate : rates) {
            Replica replica = new Replica(rate);
            replicas.add(replica);
            voters.add(replica.id);
        }
        replicas.forEach(replica -> replica.configurations = List.of(voters));
    }

    static LeaseCluster ofThree() {
        return new LeaseCluster(1, 1, 1);
    }

    Replica replica(UUID id) {
        return replicas.stream().filter(each -> each.id.equals(id)).findFirst().orElseThrow();
    }

    private CompletableFuture<Set<UUID>> ask(Replica from, Replica to, List<Claim> claims) {
        questions.merge(to.id, 1, Integer::sum);
        CompletableFuture<Set<UUID>> answer = new CompletableFuture<>();
        if (to.silent) {
            return answer;
        }
        if (!from.reachable || !to.reachable) {
            answer.completeExceptionally(new IOException("unreachable"));
            return answer;
        }
        // There and back; the peer looks at its term when the question arrives.
        time.after(
                delay.toNanos(),
                () -> {
                    Set<UUID> confirmed = to.keeper.confirm(from.id, claims);
                    time.after(delay.toNanos(), () -> answer.complete(confirmed));
                });
        return answer;
    }

    int questionsTo(Replica replica) {
        return questions.getOrDefault(replica.id, 0);
    }
}
