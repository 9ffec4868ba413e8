package io.mirach.ops.chaos;

import io.mirach.model.PlacementGroupId;
import java.util.List;
import java.util.Set;

/**
 * Clients at work on a cluster, recording what they see. Its methods are called by one thread and
 * block; the work itself goes on meanwhile.
 */
interface Workload extends AutoCloseable {
    /** Prepares what it needs in a cluster that serves, and starts. */
    void start() throws InterruptedException;

    /** Another client takes over, and the one that it took over from goes on as if it had not. */
    void takeOver() throws InterruptedException;

    /**
     * In a cluster that serves again, has every register written and read once more. Fails with
     * {@link ChaosException} if that cannot be done.
     */
    void confirmAll() throws InterruptedException;

    /** The blocks that are read only, since they were written once: they come to lie in files. */
    List<Long> coldBlocks();

    /** The placement group in which a block lies. */
    int groupOf(long block);

    /** Writes the cold blocks anew. */
    void renewColdBlocks() throws InterruptedException;

    /**
     * Writes to every placement group, and reads every register; returns the groups that refused
     * with NO_SPACE. Fails with {@link ChaosException} if anything else failed.
     */
    Set<Integer> refusingGroups() throws InterruptedException;

    /** Writes so much to one placement group, beside the registers: its log grows. */
    void fill(PlacementGroupId group, long bytes) throws InterruptedException;

    /** Ends the clients. */
    @Override
    void close();
}
