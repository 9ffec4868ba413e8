package io.mirach.server.store;

/**
 * How much work a column family spends on garbage: blocks in its blob files that were overwritten
 * or deleted. A blob file goes by itself once all of it is garbage, as a volume that is overwritten
 * in order makes it. Collecting means that compactions move what still lives out of the oldest blob
 * files; that costs more CPU per block than storing it did, and so it is done only when garbage has
 * piled up, and harder when the disk has little room.
 *
 * <p>Thread-safe.
 */
final class GarbageCollection {
    /** How large a part of the blob files, oldest first, compactions empty. */
    enum Effort {
        NONE(0),
        USUAL(0.05),
        PRESSING(0.25),
        ALL(1);

        private final double ageCutoff;

        Effort(double ageCutoff) {
            this.ageCutoff = ageCutoff;
        }
    }

    // Of the bytes in blob files. Collecting goes on until there is so much less, so that the
    // effort
    // does not change with each checkpoint.
    private static final double MUCH_GARBAGE = 0.4;
    private static final double MUCH_GARBAGE_WHEN_SCARCE = 0.2;
    private static final double LESS = 0.1;

    // Rewriting everything must be worth it: so many bytes, and so large a part.
    private static final long REWRITE_BYTES = 8 << 20;
    private static final double REWRITE_PART = 0.2;

    private final ColumnFamily family;
    private final FreeSpace freeSpace;
    private Effort effort = Effort.NONE; // under this

    GarbageCollection(ColumnFamily family, FreeSpace freeSpace) {
        this.family = family;
        this.freeSpace = freeSpace;
        // A column family that was open before has what was set then.
        family.setBlobCollection(false, 0);
    }

    /** Fits the effort to the garbage that there is. Cheap enough for each checkpoint. */
    synchronized void adjust() {
        if (effort != Effort.ALL) {
            fitToGarbage();
        }
    }

    private void fitToGarbage() {
        try {
            boolean scarce = freeSpace.isScarce();
            double much = scarce ? MUCH_GARBAGE_WHEN_SCARCE : MUCH_GARBAGE;
            double limit = effort == Effort.NONE ? much : much - LESS;
            boolean collect = garbageBytes() > limit * blobBytes();
            set(!collect ? Effort.NONE : scarce ? Effort.PRESSING : Effort.USUAL);
        } catch (StoreException e) {
            if (!family.isClosing()) {
                throw e;
            }
        }
    }

    /**
     * Rewrites the live blocks of every blob file, if there is garbage enough between them. Blocks
     * for as long as it takes; ends early when the column family is closing. One call at a time.
     */
    void rewriteIfWorthwhile() {
        if (garbageBytes() < Math.max(REWRITE_BYTES, REWRITE_PART * blobBytes())) {
            return;
        }
        synchronized (this) {
            set(Effort.ALL);
        }
        try {
            family.compactAll();
        } finally {
            synchronized (this) {
                fitToGarbage();
            }
        }
    }

    synchronized Effort effort() {
        return effort;
    }

    private void set(Effort next) {
        if (next != effort) {
            family.setBlobCollection(next != Effort.NONE, next.ageCutoff);
            effort = next;
        }
    }

    private long garbageBytes() {
        return family.property("rocksdb.live-blob-file-garbage-size");
    }

    private long blobBytes() {
        return family.property("rocksdb.live-blob-file-size");
    }
}
