package io.mirach.raft.ratis;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** What the read lease needs to know of a group. Thread-safe; never blocks. */
interface LeaseSubject {
    UUID groupId();

    /** Whether the replica runs and takes part in its group. */
    boolean alive();

    /** The newest term that this replica has seen. */
    long currentTerm();

    /** Whether this replica believes to lead. */
    boolean leads();

    Optional<UUID> leaderHint();

    /**
     * The voters of every configuration in force: of the current one, and while a change is on of
     * the previous one too.
     */
    List<Set<UUID>> configurations();

    /** The wait for older leases has ended: this replica may answer since {@code election}. */
    void mayAnswer(long election);

    /** The lease found that this replica leads no more since {@code election}. */
    void leadsNoMore(long election);
}
