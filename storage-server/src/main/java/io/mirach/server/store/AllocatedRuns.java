package io.mirach.server.store;

import io.mirach.model.BlockRange;
import java.util.List;

/**
 * Runs of blocks that are not holes, ascending, disjoint and not adjacent.
 *
 * @param coveredEndBlock below it, what is in no run is a hole; beyond it nothing is said
 */
public record AllocatedRuns(long coveredEndBlock, List<BlockRange> runs) {
    public AllocatedRuns {
        runs = List.copyOf(runs);
    }
}
