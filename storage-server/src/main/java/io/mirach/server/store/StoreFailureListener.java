package io.mirach.server.store;

/**
 * Told when the disk fails the store: the process must end. May be called more than once, by any
 * thread; must not block.
 */
public interface StoreFailureListener {
    StoreFailureListener NONE = (what, cause) -> {};

    void failed(String what, Throwable cause);
}
