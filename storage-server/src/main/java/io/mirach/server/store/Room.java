package io.mirach.server.store;

/** How much room a data dir's disk has left. */
public enum Room {
    AMPLE,
    /** Garbage is collected harder. */
    SCARCE,
    /** Writes are refused; what is left is for logging, flushing and collecting garbage. */
    LOW
}
