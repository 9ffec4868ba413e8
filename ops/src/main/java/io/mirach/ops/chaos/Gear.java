package io.mirach.ops.chaos;

/** What is built into nodes so that they can be broken. Each slows them a little. */
enum Gear {
    /** Disks that fail or are slow, see {@link DiskErrors}. */
    DISK_ERRORS,
    /** Disks that forget what was not synced, see {@link PowerLossDisk}. */
    POWER_LOSS,
    /** Disks so small that they can be filled, see {@link SmallDisk}. */
    SMALL_DISK,
    /** A wall clock that can be set, see {@link WallClocks}. */
    WALL_CLOCK
}
