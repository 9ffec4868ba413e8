package io.mirach.server.store;

import io.mirach.protocol.data.WriteIdentity;
import io.netty.buffer.ByteBuf;

/**
 * Which writes of one (attachment, slot) took effect: the writer runs at most {@link
 * WriteIdentity#WINDOW} ahead of the lowest sequence that it has no answer for, which is the base.
 *
 * <pre>
 * u8  format (1)
 * u64 base
 * bitmap of WINDOW + 64 bits: bit i is sequence (base rounded down to 64) + i; none below the base
 * </pre>
 *
 * With few holes it takes some 15 bytes. Not thread-safe.
 */
public final class WriteWindow {
    private static final int FORMAT = 1;
    private static final int BITS = WriteIdentity.WINDOW + Long.SIZE;

    /** What the window knows about a sequence number. */
    public enum Seen {
        /** Not applied. */
        NEW,
        /** Applied; the answer is as then: OK. */
        APPLIED,
        /** The writer said that it has the answer: a late copy. */
        BELOW
    }

    private long base;
    private final Bitmap applied;

    /** No write yet. */
    public WriteWindow() {
        this(1, new Bitmap(BITS));
    }

    private WriteWindow(long base, Bitmap applied) {
        this.base = base;
        this.applied = applied;
    }

    public long base() {
        return base;
    }

    public Seen check(long sequence) {
        if (sequence < base) {
            return Seen.BELOW;
        }
        long bit = sequence - alignedBase();
        return bit < BITS && applied.get((int) bit) ? Seen.APPLIED : Seen.NEW;
    }

    /**
     * Notes that a write took effect, and that all below its lowest unacknowledged are answered.
     */
    public void record(WriteIdentity identity) {
        advance(identity.lowestUnacknowledged());
        applied.set((int) (identity.sequence() - alignedBase()));
    }

    private void advance(long newBase) {
        if (newBase <= base) {
            return;
        }
        long oldAligned = alignedBase();
        base = newBase;
        applied.shiftDownWords((alignedBase() - oldAligned) / Long.SIZE);
        applied.clear(0, (int) (base - alignedBase()));
    }

    private long alignedBase() {
        return base & -Long.SIZE;
    }

    void encode(ByteBuf out) {
        out.writeByte(FORMAT).writeLong(base);
        applied.encode(out);
    }

    static WriteWindow decode(ByteBuf in) {
        return RecordFormat.decode(
                "window",
                in,
                FORMAT,
                body -> new WriteWindow(body.readLong(), Bitmap.decode(body, BITS)));
    }
}
