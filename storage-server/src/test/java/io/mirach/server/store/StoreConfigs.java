package io.mirach.server.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.function.LongSupplier;

/** Small stores for tests. */
public final class StoreConfigs {
    private static final int MIB = 1 << 20;

    /** What {@link #onDisk} makes of so many bytes of room. */
    public static final long LOW = 32 * MIB - 1;

    public static final long SCARCE = 200 * MIB;

    private StoreConfigs() {}

    /** Closing leaves what a killed process leaves. */
    public static StoreConfig unflushed() {
        return new StoreConfig(4 * MIB, 16 * MIB, 8 * MIB, 4 * MIB, 2, 256, false);
    }

    /** Closing makes everything durable. */
    public static StoreConfig flushed() {
        return new StoreConfig(4 * MIB, 16 * MIB, 8 * MIB, 4 * MIB, 2, 256, true);
    }

    /** Opens stores on a disk that has as many bytes of room as the test says. */
    public static ChunkStores onDisk(Path dir, StoreMemory memory, LongSupplier usableBytes) {
        try {
            return ChunkStores.open(
                    dir,
                    memory,
                    new FreeSpace(
                            dir,
                            usableBytes::getAsLong,
                            new RoomLimits(LOW + 1, LOW + 1, SCARCE + 1)),
                    StoreFailureListener.NONE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
