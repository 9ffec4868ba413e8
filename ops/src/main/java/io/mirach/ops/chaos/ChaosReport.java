package io.mirach.ops.chaos;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a run found.
 *
 * @param violations promises that were broken
 * @param trouble why the run ended early: the cluster did not come back, or a process ended; empty
 *     if it did not
 * @param strikes how often each fault struck, and the longest time without an acknowledged write
 *     around it
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
     * @param longestPause over all strikes
     */
    record Strikes(int count, Duration longestPause) {
        Strikes and(Duration pause) {
            return new Strikes(count + 1, pause.compareTo(longestPause) > 0 ? pause : longestPause);
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
