package io.mirach.server.store;

/** What {@link ChunkStore#readForPatch} found of a block. */
public enum StoredBlock {
    /** The data was read and its checksum holds. */
    INTACT,
    /** The data was read, but its checksum fails or it is marked as damaged. */
    DAMAGED,
    /** The extent record says that the block is there, and it is not. */
    LOST
}
