package io.mirach.server.chunk;

import io.mirach.server.store.StateExport;
import java.util.UUID;
import java.util.function.Supplier;

/** Told when the log orders replicas to hash their state. Must not block. */
public interface DigestListener {
    /** Hashes nothing. */
    DigestListener NONE = (groupId, order, state) -> {};

    /**
     * The log ordered a digest. An order may come again: twice in the log when its first outcome
     * was unknown, and when the log is replayed.
     *
     * @param state holds what the replica has as of the order's entry; the receiver owns what it
     *     gets; not to be called later
     */
    void ordered(UUID groupId, DigestOrder order, Supplier<StateExport> state);
}
