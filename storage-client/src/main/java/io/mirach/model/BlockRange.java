package io.mirach.model;

/** A run of blocks of a volume. */
public record BlockRange(long firstBlock, long blockCount) {
    public BlockRange {
        if (firstBlock < 0 || blockCount < 0 || firstBlock > Long.MAX_VALUE - blockCount) {
            throw new IllegalArgumentException("block range: " + firstBlock + " + " + blockCount);
        }
    }

    public long endBlock() {
        return firstBlock + blockCount;
    }

    /** All blocks that a byte range touches. The range must not be empty. */
    public static BlockRange covering(long offsetBytes, long lengthBytes) {
        long first = Block.indexOf(offsetBytes);
        return new BlockRange(first, Block.indexOf(offsetBytes + lengthBytes - 1) - first + 1);
    }
}
