package io.mirach.bench.command;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;

/**
 * Data that cannot be compressed, in which every block says which one it is: a read that returns
 * another block, or none, is found. Thread-safe once made.
 */
final class StampedBlocks {
    private static final int STAMP_BYTES = 2 * Long.BYTES;

    private final ByteBuf noise;
    private final long seed;

    StampedBlocks(long seed) {
        this.seed = seed;
        byte[] bytes = new byte[LoadJob.MAX_REQUEST_BYTES + (1 << 20)];
        new SplittableRandom(seed).nextBytes(bytes);
        noise = Unpooled.wrappedBuffer(bytes).asReadOnly();
    }

    /** Puts a request's data into {@code out}: noise from a random place, and the stamps. */
    void fill(ByteBuf out, long offsetBytes, int lengthBytes, SplittableRandom random) {
        int from = random.nextInt(noise.capacity() - lengthBytes);
        int start = out.writerIndex();
        out.writeBytes(noise, from, lengthBytes);
        for (int at = 0; at < lengthBytes; at += LoadJob.BLOCK_BYTES) {
            out.setLong(start + at, seed);
            out.setLong(start + at + Long.BYTES, offsetBytes + at);
        }
    }

    /** Whether each block of what was read is the one asked for. */
    boolean matches(ByteBuf data, long offsetBytes) {
        int start = data.readerIndex();
        for (int at = 0; at + STAMP_BYTES <= data.readableBytes(); at += LoadJob.BLOCK_BYTES) {
            if (data.getLong(start + at) != seed
                    || data.getLong(start + at + Long.BYTES) != offsetBytes + at) {
                return false;
            }
        }
        return true;
    }
}
