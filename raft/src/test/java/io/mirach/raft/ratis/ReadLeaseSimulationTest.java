package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.raft.ratis.LeaseCluster.Replica;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Elections, partitions and clocks of different speed at random: at no time may one leader answer
 * while the lease of an earlier one holds. A failure names its seed.
 */
class ReadLeaseSimulationTest {
    private static final int STEPS = 4000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void noLeaderAnswersWhileTheLeaseOfAnEarlierOneHolds(long seed) {
        Random random = new Random(seed);
        int size = random.nextBoolean() ? 3 : 5;
        double[] rates = new double[size];
        for (int i = 0; i < size; i++) {
            rates[i] = 0.955 + random.nextDouble() * 0.09; // Within the margin of 10 %.
        }
        LeaseCluster cluster = new LeaseCluster(rates);
        long term = 0;
        int leases = 0;
        for (int step = 0; step < STEPS; step++) {
            switch (random.nextInt(12)) {
                case 0 -> term = elect(cluster, random, term);
                case 1 -> any(cluster, random).reachable = random.nextInt(3) != 0;
                case 2 -> cluster.delay = Duration.ofMillis(random.nextInt(200));
                default -> {
                    CompletableFuture<Void> read = any(cluster, random).read(random.nextBoolean());
                    leases += read.isDone() && !read.isCompletedExceptionally() ? 1 : 0;
                }
            }
            cluster.time.advance(Duration.ofMillis(random.nextInt(60)));
            check(cluster, seed, step);
        }
        assertThat(leases).as("reads granted, seed %d", seed).isPositive();
    }

    private static Replica any(LeaseCluster cluster, Random random) {
        return cluster.replicas.get(random.nextInt(cluster.replicas.size()));
    }

    /** A random majority votes; leaders outside of it do not learn that they are unseated. */
    private static long elect(LeaseCluster cluster, Random random, long term) {
        List<Replica> voters = new ArrayList<>(cluster.replicas);
        Collections.shuffle(voters, random);
        Replica winner = voters.get(0);
        for (Replica voter : voters.subList(1, voters.size() / 2 + 1)) {
            voter.follow(term + 1, winner.id);
        }
        if (winner.leads) {
            winner.follow(term + 1, winner.id);
        }
        winner.lead(term + 1, term == 0);
        return term + 1;
    }

    private static void check(LeaseCluster cluster, long seed, int step) {
        for (Replica newer : cluster.replicas) {
            for (Replica older : cluster.replicas) {
                if (newer.mayAnswerNow() && older.leads && older.term < newer.term) {
                    CompletableFuture<Void> read = older.keeper.readable(cluster.group, false);
                    assertThat(read.isDone() && !read.isCompletedExceptionally())
                            .as(
                                    "term %d answers beside term %d, seed %d, step %d",
                                    older.term, newer.term, seed, step)
                            .isFalse();
                }
            }
        }
    }
}
