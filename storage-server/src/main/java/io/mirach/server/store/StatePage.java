package io.mirach.server.store;

import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * A piece of a placement group's state on its way to another replica: keys and values as stored, in
 * the stream's order. First come the tables ({@link ChunkKeys}, types 2 to 6); then the extents in
 * the order of their keys, each as its record and the blocks and markers that the record names.
 *
 * <pre>
 * per entry: u8 length of the key, u16 length of the value, key, value
 * </pre>
 *
 * @param next the key to go on with; empty at the end
 * @param entries owned by whoever holds the page
 */
public record StatePage(byte[] next, ByteBuf entries) {
    static final int ENTRY_HEADER_BYTES = 3;

    static void put(ByteBuf entries, byte[] key, byte[] value) {
        entries.writeByte(key.length).writeShort(value.length).writeBytes(key).writeBytes(value);
    }

    static int size(byte[] key, byte[] value) {
        return ENTRY_HEADER_BYTES + key.length + value.length;
    }

    static boolean isBlock(byte[] key) {
        return key.length == ChunkKeys.BLOCK_KEY_BYTES && ByteBuffer.wrap(key).getLong() != 0;
    }

    static long layer(byte[] blockKey) {
        return ByteBuffer.wrap(blockKey).getLong();
    }

    static long block(byte[] blockKey) {
        return ByteBuffer.wrap(blockKey).getLong(Long.BYTES);
    }

    /** Whether a value stands for zeroes; if not, it is a block that must be intact. */
    static boolean isMarker(byte[] value) {
        return value.length == 1 && value[0] == BlockValue.ZERO;
    }

    /**
     * Whether a block is stored as its extent's record says.
     *
     * @param value empty if nothing is stored
     */
    static boolean isAsRecorded(boolean present, boolean zero, byte[] value) {
        return present ? isIntact(value) : zero ? isMarker(value) : value.length == 0;
    }

    /** Whether the value of a block is whole and its checksum holds. */
    static boolean isIntact(byte[] value) {
        if (value.length != BlockValue.BYTES || value[0] != BlockValue.BLOCK) {
            return false;
        }
        CRC32C crc = new CRC32C();
        crc.update(value, BlockValue.HEADER_BYTES, Block.BYTES);
        return (int) crc.getValue() == ByteBuffer.wrap(value).getInt(1);
    }
}
