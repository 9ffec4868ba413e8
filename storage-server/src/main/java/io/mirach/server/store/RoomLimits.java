package io.mirach.server.store;

/**
 * When room on a disk is low and scarce.
 *
 * @param reserveBytes with less than so many free, room is low
 * @param enoughBytes with so many free it is low no longer
 * @param scarceBytes with less than so many free, room is scarce
 */
record RoomLimits(long reserveBytes, long enoughBytes, long scarceBytes) {
    private static final long MIB = 1 << 20;
    private static final int RESERVE_PART = 20;
    private static final int SCARCE_PART = 10;
    // Writes that were taken before room was low stand in queues, in entries and in the Raft log,
    // and a compaction writes before it deletes.
    private static final long LOG_AND_COMPACTION_BYTES = 128 * MIB;
    private static final int GAP_PART = 4;
    private static final long MAX_GAP_BYTES = 512 * MIB;

    RoomLimits {
        if (reserveBytes < 0 || enoughBytes < reserveBytes || scarceBytes < enoughBytes) {
            throw new IllegalArgumentException(
                    "reserve " + reserveBytes + ", " + enoughBytes + ", scarce " + scarceBytes);
        }
    }

    /**
     * Keeps back a twentieth of the disk, but at least what it takes to flush all write buffers and
     * to go on logging, and at most half of a small disk.
     *
     * @param writeBufferBytes that are flushed to this disk if it comes to that
     */
    static RoomLimits of(long totalBytes, long writeBufferBytes) {
        long reserve =
                Math.min(
                        totalBytes / 2,
                        Math.max(
                                totalBytes / RESERVE_PART,
                                writeBufferBytes + LOG_AND_COMPACTION_BYTES));
        // A gap, so that writes do not stop and go with every file that comes or goes: purging the
        // Raft log gives some 64 MiB back.
        long enough = reserve + Math.min(reserve / GAP_PART, MAX_GAP_BYTES);
        // The collecting must begin early enough to have room for what it moves.
        long scarce = Math.max(totalBytes / SCARCE_PART, enough + reserve / 2);
        return new RoomLimits(reserve, enough, scarce);
    }

    /**
     * @param before whether room was low
     */
    Room judge(long usableBytes, boolean before) {
        if (usableBytes < (before ? enoughBytes : reserveBytes)) {
            return Room.LOW;
        }
        return usableBytes < scarceBytes ? Room.SCARCE : Room.AMPLE;
    }
}
