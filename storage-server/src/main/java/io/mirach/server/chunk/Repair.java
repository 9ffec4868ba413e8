package io.mirach.server.chunk;

/** What came of a copy of a block that was to put a replica right. */
public enum Repair {
    /** The block is now what the copy is. */
    DONE,
    /** The block may have changed since the copy was made: another copy is needed. */
    OUTDATED,
    /** The block's layer is gone here. */
    NO_LAYER
}
