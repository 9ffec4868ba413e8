package io.mirach.server.store;

import io.netty.buffer.ByteBuf;

/**
 * Which blocks of one extent one layer holds. A block is <i>present</i> (a value is stored), or
 * <i>zero</i> (a marker hides an older layer's value), or neither (an older layer decides); never
 * both.
 *
 * <pre>
 * u8  format (1)
 * u64 index of the last log entry that changed the extent
 * bitmap of present blocks, bitmap of zero blocks, see {@link Bitmap}
 * </pre>
 *
 * A full extent takes 11 bytes, one of 1024 blocks at most 267. Not thread-safe.
 */
public final class ExtentRecord {
    private static final int FORMAT = 1;

    private final Bitmap present;
    private final Bitmap zero;
    private long lastChangedIndex;

    private ExtentRecord(Bitmap present, Bitmap zero, long lastChangedIndex) {
        this.present = present;
        this.zero = zero;
        this.lastChangedIndex = lastChangedIndex;
    }

    /** A record of an extent that the layer has nothing of. */
    public static ExtentRecord empty(int blocksPerExtent) {
        return new ExtentRecord(new Bitmap(blocksPerExtent), new Bitmap(blocksPerExtent), -1);
    }

    public boolean isPresent(int blockInExtent) {
        return present.get(blockInExtent);
    }

    public boolean isZero(int blockInExtent) {
        return zero.get(blockInExtent);
    }

    /** The blocks with a value; for reading only. */
    public Bitmap present() {
        return present;
    }

    /** The blocks with a marker; for reading only. */
    public Bitmap zero() {
        return zero;
    }

    public long lastChangedIndex() {
        return lastChangedIndex;
    }

    public void setPresent(int blockInExtent, long logIndex) {
        present.set(blockInExtent);
        zero.clear(blockInExtent);
        lastChangedIndex = logIndex;
    }

    public void setZero(int blockInExtent, long logIndex) {
        present.clear(blockInExtent);
        zero.set(blockInExtent);
        lastChangedIndex = logIndex;
    }

    public void setAbsent(int blockInExtent, long logIndex) {
        setAbsent(blockInExtent, blockInExtent + 1, logIndex);
    }

    /** Blocks from {@code from} to {@code end}, exclusive, are neither present nor zero. */
    public void setAbsent(int from, int end, long logIndex) {
        present.clear(from, end);
        zero.clear(from, end);
        lastChangedIndex = logIndex;
    }

    /** A block, and when the extent was changed last, become what another replica has. */
    public void set(int blockInExtent, BlockCopy copy) {
        setAbsent(blockInExtent, copy.changedIndex());
        if (copy.isZero()) {
            zero.set(blockInExtent);
        } else if (!copy.isAbsent()) {
            present.set(blockInExtent);
        }
    }

    void encode(ByteBuf out) {
        out.writeByte(FORMAT).writeLong(lastChangedIndex);
        present.encode(out);
        zero.encode(out);
    }

    static ExtentRecord decode(ByteBuf in, int blocksPerExtent) {
        return RecordFormat.decode(
                "extent",
                in,
                FORMAT,
                body -> {
                    long lastChangedIndex = body.readLong();
                    Bitmap present = Bitmap.decode(body, blocksPerExtent);
                    Bitmap zero = Bitmap.decode(body, blocksPerExtent);
                    return new ExtentRecord(present, zero, lastChangedIndex);
                });
    }
}
