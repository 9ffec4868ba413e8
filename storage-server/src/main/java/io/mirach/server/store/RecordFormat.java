package io.mirach.server.store;

import io.netty.buffer.ByteBuf;
import java.util.function.Function;

/** Reads records whose first byte is their format's version, and accepts nothing but them. */
final class RecordFormat {
    private RecordFormat() {}

    /** Borrows {@code in}. Throws StoreException unless the record is whole and nothing is left. */
    static <T> T decode(String what, ByteBuf in, int version, Function<ByteBuf, T> decoder) {
        try {
            int found = in.readUnsignedByte();
            if (found != version) {
                throw new StoreException(
                        what + " record of format " + found + "; this release reads " + version);
            }
            T record = decoder.apply(in);
            if (in.isReadable()) {
                throw new StoreException(what + " record with bytes left over");
            }
            return record;
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new StoreException("unreadable " + what + " record", e);
        }
    }
}
