package io.mirach.protocol.data;

import io.mirach.model.BlockRange;
import java.util.List;

/**
 * Allocated runs of the asked range, ascending and disjoint.
 *
 * @param coveredEndBlock the answer holds for blocks below it; less than the asked end if there
 *     were too many runs
 */
public record BlockStatusReply(long coveredEndBlock, List<BlockRange> allocated) {
    /** The most runs in one reply: 1 MiB of them. */
    public static final int MAX_RUNS = 1 << 16;

    public BlockStatusReply {
        allocated = List.copyOf(allocated);
    }
}
