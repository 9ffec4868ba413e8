package io.mirach.server.store;

import io.netty.buffer.ByteBuf;

/** Unsigned numbers in 7 bits a byte, lowest first; the top bit says that more follow. */
final class Varint {
    private static final int MAX_BYTES = 9;

    private Varint() {}

    /**
     * @param value not negative
     */
    static void write(ByteBuf out, long value) {
        long rest = value;
        while (rest > 0x7f) {
            out.writeByte((int) (rest & 0x7f) | 0x80);
            rest >>>= 7;
        }
        out.writeByte((int) rest);
    }

    static long read(ByteBuf in) {
        long value = 0;
        for (int i = 0; i < MAX_BYTES; i++) {
            int b = in.readByte();
            value |= (long) (b & 0x7f) << (7 * i);
            if (b >= 0) {
                return value;
            }
        }
        throw new StoreException("a number longer than " + MAX_BYTES + " bytes");
    }
}
