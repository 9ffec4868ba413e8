package io.mirach.bench;

import io.mirach.model.Block;
import io.mirach.protocol.Checksum;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * What the blocks of a working set must hold, so that a benchmark can tell whether it measured the
 * right bytes. There are 256 random contents, drawn and checksummed beforehand: a write takes a run
 * of them from a random one on and costs no more than a slice. Not thread-safe, but for the checks.
 */
final class KnownBlocks implements AutoCloseable {
    /** The longest run: 128 KiB. */
    static final int MAX_RUN_BLOCKS = 32;

    private static final int CONTENTS = 256;

    private final SplittableRandom random = new SplittableRandom(20_261_124);
    // The first contents are repeated at the end, so that a run from any of them lies in one piece.
    private final ByteBuf contents;
    private final int[] crcs = new int[CONTENTS];
    private final byte[] held;

    /**
     * @param blockCount of the working set, which holds nothing known yet
     */
    KnownBlocks(int blockCount) {
        held = new byte[blockCount];
        byte[] bytes = new byte[(CONTENTS + MAX_RUN_BLOCKS) * Block.BYTES];
        random.nextBytes(bytes);
        System.arraycopy(bytes, 0, bytes, CONTENTS * Block.BYTES, MAX_RUN_BLOCKS * Block.BYTES);
        contents = Unpooled.directBuffer(bytes.length, bytes.length).writeBytes(bytes);
        for (int i = 0; i < CONTENTS; i++) {
            crcs[i] = Checksum.of(contents, i * Block.BYTES, Block.BYTES);
        }
    }

    int blockCount() {
        return held.length;
    }

    /** Draws the first content of a run. */
    int draw() {
        return random.nextInt(CONTENTS);
    }

    /** The contents of the run from {@code content} on; the caller owns the slice. */
    ByteBuf run(int content, int blockCount) {
        return contents.retainedSlice(content * Block.BYTES, blockCount * Block.BYTES);
    }

    int crc(int content) {
        return crcs[content % CONTENTS];
    }

    /** The run from {@code content} on is written, or being written, at {@code firstBlock}. */
    void wrote(int firstBlock, int blockCount, int content) {
        for (int i = 0; i < blockCount; i++) {
            held[firstBlock + i] = (byte) (content + i);
        }
    }

    /**
     * A check that costs nothing, for each measured read: the size and the first eight bytes. Any
     * thread.
     *
     * @param data borrowed
     */
    void checkStart(int firstBlock, int blockCount, ByteBuf data) {
        requireSize(firstBlock, blockCount, data);
        long expected = contents.getLong((held[firstBlock] & 0xff) * Block.BYTES);
        if (data.getLong(data.readerIndex()) != expected) {
            throw wrong(firstBlock);
        }
    }

    /**
     * Compares every byte.
     *
     * @param data borrowed
     */
    void check(int firstBlock, int blockCount, ByteBuf data) {
        requireSize(firstBlock, blockCount, data);
        ByteBuffer actual = data.nioBuffer();
        for (int i = 0; i < blockCount; i++) {
            int content = held[firstBlock + i] & 0xff;
            ByteBuffer expected = contents.nioBuffer(content * Block.BYTES, Block.BYTES);
            // Not ByteBuf.equals: under leak detection each of its steps would take a stack trace.
            if (!expected.equals(actual.slice(i * Block.BYTES, Block.BYTES))) {
                throw wrong(firstBlock + i);
            }
        }
    }

    private static void requireSize(int firstBlock, int blockCount, ByteBuf data) {
        if (data.readableBytes() != blockCount * Block.BYTES) {
            throw new IllegalStateException(
                    String.format(
                            "a read of %d blocks at block %d gave %d bytes",
                            blockCount, firstBlock, data.readableBytes()));
        }
    }

    private static IllegalStateException wrong(int block) {
        return new IllegalStateException("block " + block + " is not what was written to it");
    }

    @Override
    public void close() {
        contents.release();
    }
}
