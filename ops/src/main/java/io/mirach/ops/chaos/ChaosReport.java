package io.mirach.ops.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a run found.
 *
 * @param violations promises that were broken
 * @param trouble why the run ended early: the cluster did not come back, or a process ended; empty
 *     if it did not
 * @param strikes of each fault: how often, and the longest that an acknowledged write took around
 *     it
 * @param skipped faults that could not be done here, and why
 * @param acknowledgedWrites how many
 * @param answeredReads how many
 * @param unknownWrites writes that were never answered
 */
record ChaosReport(
        List<Violation> violations,
        Optional<String> trouble,
        Map<String, Strikes> strikes,
        Map<String, String> skipped,
        long acknowledgedWrites,
        long answeredReads,
        long unknownWrites,
        Duration time) {
    /**
     * Of one fault.
     *
     * @param pauses the longest write of each time, the shortest first
     */
    record Strikes(List<Duration> pauses) {
        Strikes {
            pauses = pauses.stream().sorted().toList();
        }

        static Strikes of(Duration pause) {
            return new Strikes(List.of(pause));
        }

        Strikes and(Duration pause) {
            List<Duration> all = new ArrayList<>(pauses);
            all.add(pause);
            return new Strikes(all);
        }

        int count() {
            return pauses.size();
        }

        Duration medianPause() {
            return pauses.get(pauses.size() / 2);
        }

        Duration longestPause() {
            return pauses.get(pauses.size() - 1);
        }
    }

    ChaosReport {
        violations = List.copyOf(violations);
        strikes = Map.copyOf(strikes);
        skipped = Map.copyOf(skipped);
    }

    boolean passed() {
        return violations.isEmpty() && trouble.isEmpty();
    }
}
