package io.mirach.server.store;

/** What {@link ChunkStore#readForPatch} found of a block. */
public enum StoredBlock {
    /** The data was read and its checksum holds. */
    INTACT,
    /** What is stored fails its checksum, or is marked as damaged. */
    DAMAGED,
    /** The extent record says that the block is there, and it is not. */
    LOST
}
