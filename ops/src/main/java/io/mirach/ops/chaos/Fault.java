package io.mirach.ops.chaos;

import io.mirach.cli.CliClock;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;

/** One way to break a cluster. Stateless. */
interface Fault {
    /** As {@code --faults} names it. */
    String name();

    /** What it does, in one line. */
    String description();

    /** Why it cannot be done to this cluster; empty if it can. */
    default Optional<String> unavailable(Cluster cluster) {
        return Optional.empty();
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
    }
}
