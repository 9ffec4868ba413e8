package io.mirach.server.store;

import io.netty.buffer.ByteBuf;

/**
 * The blocks of a run that are not holes, as read and verified.
 *
 * @param present one bit per block of the run, bit 0 of word 0 first; a clear bit is a hole
 * @param crcs CRC32C of each present block, in order
 * @param data the present blocks, in order, 4096 bytes each; owned by whoever holds this
 */
public record BlocksRead(int blockCount, long[] present, int[] crcs, ByteBuf data) {}
