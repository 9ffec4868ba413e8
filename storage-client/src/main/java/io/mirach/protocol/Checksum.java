package io.mirach.protocol;

import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import java.util.zip.CRC32C;

/** CRC32C (Castagnoli) of bytes in a buffer. Stateless; any thread. */
public final class Checksum {
    /** The checksum of a block of zeroes. */
    public static final int ZERO_BLOCK = zeroBlock();

    private Checksum() {}

    /** The checksum of {@code lengthBytes} bytes from {@code index}; moves no index. */
    public static int of(ByteBuf buffer, int index, int lengthBytes) {
        CRC32C crc = new CRC32C();
        if (buffer.nioBufferCount() == 1) {
            crc.update(buffer.internalNioBuffer(index, lengthBytes));
        } else {
            for (var part : buffer.nioBuffers(index, lengthBytes)) {
                crc.update(part);
            }
        }
        return (int) crc.getValue();
    }

    /**
     * One checksum for each block that {@code [offsetBytes, offsetBytes + readable)} touches: of
     * that part of the block that the range covers.
     */
    public static int[] perBlock(long offsetBytes, ByteBuf data) {
        int length = data.readableBytes();
        if (length == 0) {
            return new int[0];
        }
        int count =
                (int) (Block.indexOf(offsetBytes + length - 1) - Block.indexOf(offsetBytes)) + 1;
        int[] crcs = new int[count];
        int done = 0;
        for (int i = 0; i < count; i++) {
            int inBlock = (int) ((offsetBytes + done) & (Block.BYTES - 1));
            int part = Math.min(Block.BYTES - inBlock, length - done);
            crcs[i] = of(data, data.readerIndex() + done, part);
            done += part;
        }
        return crcs;
    }

    private static int zeroBlock() {
        CRC32C crc = new CRC32C();
        crc.update(new byte[Block.BYTES]);
        return (int) crc.getValue();
    }
}
