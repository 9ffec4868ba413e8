package io.mirach.model;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * That a placement group had lost its majority for good, and goes on as another Raft group, from
 * what one replica had, by an administrator's order.
 *
 * @param replaced the Raft groups that it was before, the oldest first: they are never served again
 * @param source the one of them whose replica it goes on from
 * @param survivor that replica
 * @param orderedAtMs wall clock, milliseconds since 1970
 * @param appliedIndex how far the survivor was when the order was given, as far as that was known
 * @param newestIndex the newest entry that anybody was known to have then
 * @param discards whether what is left of {@code replaced} is to be deleted
 */
public record GroupRecovery(
        List<UUID> replaced,
        UUID source,
        Replica survivor,
        long orderedAtMs,
        long appliedIndex,
        long newestIndex,
        boolean discards) {
    public GroupRecovery {
        replaced = List.copyOf(replaced);
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(survivor, "survivor");
    }

    /** The same, and what is left of before may go. */
    public GroupRecovery discarding() {
        return new GroupRecovery(
                replaced, source, survivor, orderedAtMs, appliedIndex, newestIndex, true);
    }
}
