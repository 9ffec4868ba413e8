package io.mirach.protocol.data;

import io.netty.buffer.ByteBuf;

/**
 * The blocks of a {@link ReadRequest} that are not holes.
 *
 * @param blockCount as asked
 * @param present one bit per block, bit 0 of word 0 first; a clear bit is a hole (zeroes)
 * @param crcs CRC32C of each present block, in order
 * @param data the present blocks, in order, 4096 bytes each; owned by whoever holds the reply
 */
public record ReadReply(int blockCount, long[] present, int[] crcs, ByteBuf data) {}
