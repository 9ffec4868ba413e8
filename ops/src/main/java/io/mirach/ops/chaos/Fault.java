package io.mirach.ops.chaos;

import io.mirach.cli.CliClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/** One way to break a cluster. Stateless. */
interface Fault {
    /** As {@code --faults} names it. */
    String name();

    /** What it does, in one line. */
    String description();

    /** What nodes must be started with for it. */
    default Set<Gear> gear() {
        return Set.of();
    }

    /** The workload that it strikes at. */
    default Class<? extends Workload> needs() {
        return Workload.class;
    }

    /** Why it cannot be done to this cluster; empty if it can. */
    default Optional<String> unavailable(Cluster cluster) {
        return cluster.equipment().lacks(gear());
    }

    /**
     * Whether replicas must be compared afterwards: it changed what is on disk, or cut writes off.
     */
    default boolean touchesDisk() {
        return false;
    }

    /** Whether a replica may be set aside for what it found on its disk. */
    default boolean mayLoseReplicas() {
        return false;
    }

    /**
     * Breaks something, and repairs it before it returns; that the cluster is well again it need
     * not wait for.
     *
     * @return what was done to whom, for people
     */
    String strike(Scene scene) throws InterruptedException;

    /** Where a fault strikes. */
    record Scene(Cluster cluster, Workload workload, Random random, CliClock clock) {
        /** Waits a time between the two, drawn at random. */
        void pause(int fromMs, int toMs) throws InterruptedException {
            clock.pause(Duration.ofMillis(fromMs + random.nextInt(toMs - fromMs + 1)));
        }

        /** The workload, of a fault that {@link #needs} this one. */
        <W extends Workload> W needed(Class<W> type) {
            return type.cast(workload);
        }

        ClusterNode someNode() {
            List<ClusterNode> all = cluster.nodes();
            return all.get(random.nextInt(all.size()));
        }

        /**
         * Some of the nodes, a leader among them.
         *
         * @param count how many, of so many nodes
         */
        List<ClusterNode> someNodes(IntUnaryOperator count) throws InterruptedException {
            ClusterNode leader = cluster.someLeader(random);
            List<ClusterNode> all = new ArrayList<>(cluster.nodes());
            Collections.shuffle(all, random);
            all.remove(leader);
            all.add(0, leader);
            return List.copyOf(all.subList(0, count.applyAsInt(all.size())));
        }
    }
}
