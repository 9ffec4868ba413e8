package io.mirach.ops.chaos;

import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * How a register's value fills its block: each sector of 512 bytes repeats (value, block, sector),
 * so that a block that is torn, or of another address, shows.
 */
final class RegisterValue {
    private static final int SECTOR_BYTES = 512;
    private static final int STAMP_BYTES = 3 * Long.BYTES;

    private RegisterValue() {}

    /** A block's content; the caller owns it. */
    static ByteBuf encode(long block, long value) {
        byte[] content = new byte[Block.BYTES];
        ByteBuf out = Unpooled.wrappedBuffer(content).clear();
        for (int sector = 0; sector < Block.BYTES / SECTOR_BYTES; sector++) {
            int end = (sector + 1) * SECTOR_BYTES;
            while (out.writerIndex() + STAMP_BYTES <= end) {
                out.writeLong(value).writeLong(block).writeLong(sector);
            }
            out.writeZero(end - out.writerIndex());
        }
        return out;
    }

    /**
     * Whether some value of {@code block} begins at a byte of {@code bytes}, by its first stamp.
     */
    static boolean startsAt(ByteBuffer bytes, int at, long block) {
        return bytes.getLong(at + Long.BYTES) == block
                && bytes.getLong(at + 2 * Long.BYTES) == 0
                && bytes.getLong(at) > 0
                && bytes.getLong(at + STAMP_BYTES) == bytes.getLong(at);
    }

    /**
     * The value of a block's content, which it borrows; empty if no write wrote such a block.
     * Zeroes are {@link Operation#INITIAL}.
     */
    static OptionalLong decode(long block, ByteBuf content) {
        if (content.readableBytes() != Block.BYTES) {
            return OptionalLong.empty();
        }
        long value = content.getLong(content.readerIndex());
        ByteBuf expected =
                value == Operation.INITIAL
                        ? Unpooled.wrappedBuffer(new byte[Block.BYTES])
                        : encode(block, value);
        return expected.equals(content) ? OptionalLong.of(value) : OptionalLong.empty();
    }
}
