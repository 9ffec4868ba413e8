package io.mirach.server.store;

/** Small stores for tests. */
public final class StoreConfigs {
    private static final int MIB = 1 << 20;

    private StoreConfigs() {}

    /** Closing leaves what a killed process leaves. */
    public static StoreConfig unflushed() {
        return new StoreConfig(4 * MIB, 16 * MIB, 8 * MIB, 4 * MIB, 2, 256, false);
    }

    /** Closing makes everything durable. */
    public static StoreConfig flushed() {
        return new StoreConfig(4 * MIB, 16 * MIB, 8 * MIB, 4 * MIB, 2, 256, true);
    }
}
