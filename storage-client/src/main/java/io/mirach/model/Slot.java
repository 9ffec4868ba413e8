package io.mirach.model;

/**
 * One 64th of a volume, the unit that moves between placement groups: extent e belongs to slot e
 * mod 64.
 */
public record Slot(int index) {
    /** Slots per volume, fixed for life. */
    public static final int COUNT = 64;

    public Slot {
        if (index < 0 || index >= COUNT) {
            throw new IllegalArgumentException("slot must be in 0..63: " + index);
        }
    }

    /** The slot of an extent, by its index in the volume. */
    public static Slot ofExtent(long extentIndex) {
        return new Slot((int) (extentIndex % COUNT));
    }
}
