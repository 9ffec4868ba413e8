package io.mirach.server.store;

import io.mirach.model.Block;

/**
 * The value of a block.
 *
 * <pre>
 * u8  format
 *   1 a block: u32 CRC32C of the data, 4096 bytes of data
 *   2 zeroes that hide an older layer's block: nothing follows
 *   3 a damaged block, never served: as 1, where the data was made by patching a base that failed
 *     its own checksum
 * </pre>
 */
final class BlockValue {
    static final byte BLOCK = 1;
    static final byte ZERO = 2;
    static final byte DAMAGED = 3;

    static final int HEADER_BYTES = 1 + Integer.BYTES;
    static final int BYTES = HEADER_BYTES + Block.BYTES;

    private BlockValue() {}
}
