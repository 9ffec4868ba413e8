package io.mirach.ops.chaos;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Decides exactly, in O(n log n), whether the calls on one register are linearizable, when no two
 * writes wrote the same value. Stateless.
 *
 * <p>After P. B. Gibbons and E. Korach, "Testing Shared Memories", SIAM Journal on Computing 26(4),
 * 1997, section 4.1 (there: the read-mapping is known). All calls that wrote or read one value form
 * a cluster, which takes effect in one piece: the write, then its reads. From the first end f to
 * the last start s of the cluster's calls reaches its zone. With f &lt; s it is <em>forward</em>:
 * the register must hold the value all that time. Else it is <em>backward</em>, and all its calls
 * can take effect at one point of choice between s and f. The history is linearizable if and only
 * if
 *
 * <ol>
 *   <li>every value that was read was written, and no read ended before its write began,
 *   <li>no two forward zones overlap, and
 *   <li>no backward zone lies inside a forward one.
 * </ol>
 *
 * A write that was not acknowledged took effect by its end, which may be infinitely late, or never.
 * If its value was read, it did, and it is a write like others. If not, the history is linearizable
 * with it if and only if it is so without, so it is left out. The initial value is a write that
 * ended before everything began.
 */
final class LinearizabilityChecker {
    private LinearizabilityChecker() {}

    private static final class Cluster {
        final long value;
        Operation write;
        Operation endsFirst;
        Operation startsLast;
        long firstEnd = Long.MAX_VALUE;
        long lastStart = Long.MIN_VALUE;
        int reads;

        Cluster(long value) {
            this.value = value;
            if (value == Operation.INITIAL) {
                firstEnd = Long.MIN_VALUE;
            }
        }

        void add(Operation operation) {
            if (operation.isWrite()) {
                write = operation;
            } else {
                reads++;
            }
            if (operation.endTick() < firstEnd) {
                firstEnd = operation.endTick();
                endsFirst = operation;
            }
            if (operation.startTick() > lastStart) {
                lastStart = operation.startTick();
                startsLast = operation;
            }
        }

        boolean isForward() {
            return firstEnd < lastStart;
        }

        boolean neverHappened() {
            return reads == 0 && write != null && !write.acknowledged();
        }

        List<Operation> bounds() {
            List<Operation> bounds = new ArrayList<>();
            for (Operation each : new Operation[] {write, endsFirst, startsLast}) {
                if (each != null && !bounds.contains(each)) {
                    bounds.add(each);
                }
            }
            return bounds;
        }
    }

    /**
     * What shows that the calls are not linearizable; empty if they are.
     *
     * @param operations on one register, in any order
     * @throws IllegalArgumentException if two writes wrote the same value
     */
    static Optional<Violation> check(List<Operation> operations) {
        Map<Long, Cluster> clusters = new HashMap<>();
        for (Operation operation : operations) {
            Cluster cluster = clusters.computeIfAbsent(operation.value(), Cluster::new);
            if (operation.isWrite() && cluster.write != null) {
                throw new IllegalArgumentException(
                        "two writes of one value: " + operation + " and " + cluster.write);
            }
            cluster.add(operation);
        }
        Optional<Violation> impossible = readsWithoutWrite(operations, clusters);
        return impossible.isPresent() ? impossible : zones(clusters);
    }

    private static Optional<Violation> readsWithoutWrite(
            List<Operation> operations, Map<Long, Cluster> clusters) {
        for (Operation read : operations) {
            if (read.isWrite() || read.value() == Operation.INITIAL) {
                continue;
            }
            Operation write = clusters.get(read.value()).write;
            if (write == null) {
                return Optional.of(
                        new Violation("a value was read that nobody wrote", List.of(read)));
            }
            if (read.endTick() < write.startTick()) {
                return Optional.of(
                        new Violation(
                                "a value was read before its write began", List.of(read, write)));
            }
        }
        return Optional.empty();
    }

    private static Optional<Violation> zones(Map<Long, Cluster> clusters) {
        List<Cluster> forward = new ArrayList<>();
        List<Cluster> backward = new ArrayList<>();
        for (Cluster cluster : clusters.values()) {
            if (!cluster.neverHappened()) {
                (cluster.isForward() ? forward : backward).add(cluster);
            }
        }
        forward.sort(Comparator.comparingLong(zone -> zone.firstEnd));
        for (int i = 1; i < forward.size(); i++) {
            Cluster earlier = forward.get(i - 1);
            Cluster later = forward.get(i);
            if (later.firstEnd < earlier.lastStart) {
                return Optional.of(
                        conflict(
                                "the register would have to hold two values at once: "
                                        + earlier.value
                                        + " and "
                                        + later.value,
                                earlier,
                                later));
            }
        }
        for (Cluster point : backward) {
            Optional<Cluster> around = lastThatBeginsBefore(forward, point.lastStart);
            if (around.isPresent() && point.firstEnd < around.get().lastStart) {
                return Optional.of(
                        conflict(
                                "value "
                                        + point.value
                                        + " came and went while the register held "
                                        + around.get().value,
                                around.get(),
                                point));
            }
        }
        return Optional.empty();
    }

    // Forward zones are disjoint here: only the last that begins before can reach that far.
    private static Optional<Cluster> lastThatBeginsBefore(List<Cluster> forward, long tick) {
        int low = 0;
        int high = forward.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (forward.get(middle).firstEnd < tick) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low == 0 ? Optional.empty() : Optional.of(forward.get(low - 1));
    }

    private static Violation conflict(String what, Cluster first, Cluster second) {
        List<Operation> evidence = new ArrayList<>(first.bounds());
        evidence.addAll(second.bounds());
        return new Violation(what, evidence);
    }
}
