package io.mirach.server.chunk;

import io.mirach.server.store.StateExport;
import java.util.UUID;

/** Told when the log orders a replica to hash its state. Must not block. */
public interface DigestListener {
    /** Hashes nothing. */
    DigestListener NONE = (groupId, id, state) -> state.close();

    /**
     * The log ordered a digest. An order may come again: twice in the log when its first outcome
     * was unknown, and when the log is replayed.
     *
     * @param state what the replica holds as of the order's entry; the receiver owns it
     */
    void ordered(UUID groupId, long id, StateExport state);
}
