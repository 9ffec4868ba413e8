package io.mirach.server.store;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

    private static final Logger LOG = LoggerFactory.getLogger(GarbageCollection.class);

    // Of the bytes in blob files. Collecting goes on until there is so much less, so that the
    // effort does not change with each checkpoint.
    private static final double MUCH_GARBAGE = 0.4;
    private static final double MUCH_GARBAGE_WHEN_SCARCE = 0.2;
    private static final double LESS = 0.1;

    // Rewriting everything must be worth it: so many bytes, and so large a part.
    private static final long REWRITE_BYTES = 8 << 20;
    private static final double REWRITE_PART = 0.2;
    private static final double REWRITE_PART_WHEN_LOW = 0.05;

    private final ColumnFamily family;
    private final FreeSpace freeSpace;
    // Under this.
    private Effort effort = Effort.NONE;
    private double oldestPart;
    private boolean held;

    GarbageCollection(ColumnFamily family, FreeSpace freeSpace) {
        this.family = family;
        this.freeSpace = freeSpace;
        // A column family that was open before has what was set then.
        family.setBlobCollection(false, 0);
    }

    /** Nothing is collected while this is held. What is under way goes on. */
    synchronized void hold(boolean hold) {
        held = hold;
        fitToGarbage();
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
            boolean collect = !held && garbageBytes() > limit * blobBytes();
            set(!collect ? Effort.NONE : scarce ? Effort.PRESSING : Effort.USUAL, affordablePart());
        } catch (StoreException e) {
            if (!family.isClosing()) {
                throw e;
            }
        }
    }

    /**
     * Rewrites the live blocks of every blob file, if there is garbage enough between them. It goes
     * from the oldest files on, each time as many as there is room for: their copies are written
     * before they are deleted. Blocks for as long as it takes; ends early when the column family is
     * closing. One call at a time.
     */
    void rewriteIfWorthwhile() {
        double rewritten = 0;
        while (rewritten < 1 && !family.isClosing() && isRewriteWorthwhile()) {
            double part = affordablePart();
            if (part == 0) {
                LOG.warn(
                        "{}: no room to rewrite even one file of blocks, {} MiB of garbage stay",
                        family.name(),
                        garbageBytes() >> 20);
                return;
            }
            synchronized (this) {
                set(Effort.ALL, part);
            }
            try {
                family.compactAll();
            } finally {
                synchronized (this) {
                    fitToGarbage();
                }
            }
            rewritten += part;
        }
    }

    /** Whether {@link #rewriteIfWorthwhile} would do anything. */
    boolean mayRewrite() {
        return isRewriteWorthwhile() && affordablePart() > 0;
    }

    private synchronized boolean isRewriteWorthwhile() {
        if (held) {
            return false;
        }
        double part = freeSpace.isLow() ? REWRITE_PART_WHEN_LOW : REWRITE_PART;
        return garbageBytes() >= Math.max(REWRITE_BYTES, part * blobBytes());
    }

    /**
     * How large a part of the blob files may be rewritten at once: what would take half of the room
     * if all of it lived. The other half is for flushes meanwhile, and for files that are larger
     * than the average.
     */
    private double affordablePart() {
        long files = family.property("rocksdb.num-blob-files");
        long bytes = blobBytes();
        double roomBytes = freeSpace.usableBytes() / 2.0;
        if (bytes <= roomBytes) {
            return 1;
        }
        long affordable = (long) (roomBytes / bytes * files);
        // RocksDB rounds part times files down: half a file keeps it from one too few.
        return affordable == 0 ? 0 : (affordable + 0.5) / files;
    }

    synchronized Effort effort() {
        return effort;
    }

    /** Under this. */
    private void set(Effort next, double affordablePart) {
        double part = Math.min(next.ageCutoff, affordablePart);
        // Each change is written to disk, so a part that could be larger by now does not count.
        if (next != effort || part < oldestPart || next == Effort.ALL) {
            family.setBlobCollection(part > 0, part);
            effort = next;
            oldestPart = part;
        }
    }

    private long garbageBytes() {
        return family.property("rocksdb.live-blob-file-garbage-size");
    }

    private long blobBytes() {
        return family.property("rocksdb.live-blob-file-size");
    }
}
