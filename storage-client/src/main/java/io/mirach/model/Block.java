package io.mirach.model;

/** The unit of storage and checksum: 4 KiB. */
public final class Block {
    public static final int BYTES = 4096;
    public static final int SHIFT = 12;

    private Block() {}

    public static boolean isAligned(long bytes) {
        return (bytes & (BYTES - 1)) == 0;
    }

    /** The index of the block that holds a byte offset. */
    public static long indexOf(long offsetBytes) {
        return offsetBytes >>> SHIFT;
    }
}
