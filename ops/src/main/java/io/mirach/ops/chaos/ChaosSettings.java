package io.mirach.ops.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a run does.
 *
 * @param seed of all that is drawn: which fault when, whom it hits, which block is written. How the
 *     processes interleave is not in it, so a run that is repeated is alike, not the same
 * @param time at least so long
 * @param strikes and until each fault struck at least so often
 * @param nodes storage nodes, 3 or more
 * @param placementGroups in which the blocks lie
 * @param workload see {@link Workloads}
 * @param faults that strike in turn; none is a run without faults
 * @param launcher {@code bin/mirach}
 * @param folder for the nodes' data and logs, the history and the findings; empty or new
 */
record ChaosSettings(
        long seed,
        Duration time,
        int strikes,
        int nodes,
        int placementGroups,
        String workload,
        List<Fault> faults,
        Path launcher,
        Path folder) {
    ChaosSettings {
        faults = List.copyOf(faults);
        if (time.isNegative() || strikes < 0 || nodes < 3 || placementGroups < 1) {
            throw new IllegalArgumentException(
                    "time and strikes must not be negative, nodes at least 3, placement groups at least 1");
        }
    }
}
