package io.mirach.server.store;

import io.netty.buffer.ByteBuf;
import java.util.Arrays;

/**
 * A fixed number of bits with one canonical encoding: equal bitmaps give equal bytes.
 *
 * <pre>
 * u8 form
 *   0 no bit is set
 *   1 all are
 *   2 u64 words, big-endian; bit 0 is the lowest of the first word
 *   3 varint n, then n runs of set bits: varint clear bits before it, varint its length - 1
 * </pre>
 *
 * The shortest form is taken, of two equally short ones the lower. Not thread-safe.
 */
public final class Bitmap {
    private static final int FORM_NONE = 0;
    private static final int FORM_ALL = 1;
    private static final int FORM_WORDS = 2;
    private static final int FORM_RUNS = 3;

    private final int size;
    private final long[] words;

    /** All bits clear. */
    public Bitmap(int size) {
        if (size <= 0) {
            throw new IllegalArgumentException("bitmap of " + size + " bits");
        }
        this.size = size;
        this.words = new long[(size + Long.SIZE - 1) / Long.SIZE];
    }

    /** How many bits there are, set or not. */
    public int size() {
        return size;
    }

    public boolean get(int bit) {
        return (words[bit >>> 6] & (1L << bit)) != 0;
    }

    public void set(int bit) {
        words[bit >>> 6] |= 1L << bit;
    }

    public void clear(int bit) {
        words[bit >>> 6] &= ~(1L << bit);
    }

    /** Clears the bits from {@code from} to {@code end}, exclusive. */
    public void clear(int from, int end) {
        for (int bit = from; bit < end; ) {
            int inWord = bit & 63;
            int count = Math.min(Long.SIZE - inWord, end - bit);
            words[bit >>> 6] &= ~(maskOfLowest(count) << inWord);
            bit += count;
        }
    }

    /** Moves every bit down by whole words; the lowest ones are lost. */
    void shiftDownWords(long count) {
        int shift = (int) Math.min(count, words.length);
        System.arraycopy(words, shift, words, 0, words.length - shift);
        Arrays.fill(words, words.length - shift, words.length, 0);
    }

    public boolean isEmpty() {
        for (long word : words) {
            if (word != 0) {
                return false;
            }
        }
        return true;
    }

    public int cardinality() {
        int count = 0;
        for (long word : words) {
            count += Long.bitCount(word);
        }
        return count;
    }

    /** The first set bit at or after {@code from}, or the size if there is none. */
    public int nextSet(int from) {
        return next(from, 0);
    }

    /** The first clear bit at or after {@code from}, or the size if there is none. */
    public int nextClear(int from) {
        return next(from, -1L);
    }

    private int next(int from, long inverted) {
        if (from >= size) {
            return size;
        }
        int index = from >>> 6;
        long word = (words[index] ^ inverted) & (-1L << from);
        while (word == 0) {
            if (++index == words.length) {
                return size;
            }
            word = words[index] ^ inverted;
        }
        return Math.min(size, (index << 6) + Long.numberOfTrailingZeros(word));
    }

    /** Sets the bits that are set in {@code other} and clear in {@code except}. All of one size. */
    public void addAllExcept(Bitmap other, Bitmap except) {
        for (int i = 0; i < words.length; i++) {
            words[i] |= other.words[i] & ~except.words[i];
        }
    }

    /** Sets the bits that are set in {@code other}, of the same size. */
    public void addAll(Bitmap other) {
        for (int i = 0; i < words.length; i++) {
            words[i] |= other.words[i];
        }
    }

    void encode(ByteBuf out) {
        int first = nextSet(0);
        if (first == size) {
            out.writeByte(FORM_NONE);
        } else if (first == 0 && nextClear(0) == size) {
            out.writeByte(FORM_ALL);
        } else {
            int start = out.writerIndex();
            if (!encodeRuns(out, words.length * Long.BYTES)) {
                out.writerIndex(start).writeByte(FORM_WORDS);
                for (long word : words) {
                    out.writeLong(word);
                }
            }
        }
    }

    /** Whether the runs take less than {@code limitBytes}; if not, they are not written whole. */
    private boolean encodeRuns(ByteBuf out, int limitBytes) {
        int count = 0;
        for (int bit = nextSet(0); bit < size; bit = nextSet(nextClear(bit))) {
            count++;
        }
        // Each run takes at least two bytes.
        if (count * 2 >= limitBytes) {
            return false;
        }
        out.writeByte(FORM_RUNS);
        int start = out.writerIndex();
        Varint.write(out, count);
        int end = 0;
        for (int bit = nextSet(0); bit < size; bit = nextSet(end)) {
            Varint.write(out, bit - end);
            end = nextClear(bit);
            Varint.write(out, end - bit - 1);
        }
        return out.writerIndex() - start < limitBytes;
    }

    /** Reads a bitmap; StoreException if the bytes are none. */
    static Bitmap decode(ByteBuf in, int size) {
        Bitmap bitmap = new Bitmap(size);
        int form = in.readUnsignedByte();
        switch (form) {
            case FORM_NONE -> {}
            case FORM_ALL -> bitmap.setRange(0, size);
            case FORM_WORDS -> {
                for (int i = 0; i < bitmap.words.length; i++) {
                    bitmap.words[i] = in.readLong();
                }
                bitmap.requireNothingBeyondSize();
            }
            case FORM_RUNS -> bitmap.decodeRuns(in);
            default -> throw new StoreException("bitmap of form " + form);
        }
        return bitmap;
    }

    private void decodeRuns(ByteBuf in) {
        long count = Varint.read(in);
        long end = 0;
        for (long i = 0; i < count; i++) {
            long from = end + Varint.read(in);
            end = from + Varint.read(in) + 1;
            if (from < 0 || end <= from || end > size) {
                throw new StoreException("bitmap of " + size + " bits with a run to " + end);
            }
            setRange((int) from, (int) end);
        }
    }

    private void requireNothingBeyondSize() {
        int inLast = size & 63;
        if (inLast != 0 && (words[words.length - 1] & ~maskOfLowest(inLast)) != 0) {
            throw new StoreException("bitmap with bits beyond its " + size);
        }
    }

    /** Sets the bits from {@code from} to {@code end}, exclusive. */
    public void setRange(int from, int end) {
        for (int bit = from; bit < end; ) {
            int inWord = bit & 63;
            int count = Math.min(Long.SIZE - inWord, end - bit);
            words[bit >>> 6] |= maskOfLowest(count) << inWord;
            bit += count;
        }
    }

    private static long maskOfLowest(int count) {
        return count == Long.SIZE ? -1L : (1L << count) - 1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Bitmap bitmap
                && size == bitmap.size
                && Arrays.equals(words, bitmap.words);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(words);
    }

    @Override
    public String toString() {
        return cardinality() + " of " + size + " bits";
    }
}
