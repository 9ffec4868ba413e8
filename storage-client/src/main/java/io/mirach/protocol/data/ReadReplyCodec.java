package io.mirach.protocol.data;

import io.mirach.model.Block;
import io.mirach.protocol.Body;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;

/**
 * {@link ReadReply} as bytes.
 *
 * <pre>
 * u8  format (1)
 * u32 block count, 1 to 256
 * u64 words of the bitmap of present blocks: ceil(block count / 64)
 * u32 CRC32C of each present block, in order
 * 4096 bytes of each present block, in order
 * </pre>
 */
public final class ReadReplyCodec {
    private static final int FORMAT = 1;

    private ReadReplyCodec() {}

    /** Takes ownership of the reply's data: the body, which the caller owns, holds it uncopied. */
    public static ByteBuf encode(ReadReply reply, ByteBufAllocator allocator) {
        int headBytes =
                1 + 4 + reply.present().length * Long.BYTES + reply.crcs().length * Integer.BYTES;
        ByteBuf head = allocator.directBuffer(headBytes);
        head.writeByte(FORMAT).writeInt(reply.blockCount());
        for (long word : reply.present()) {
            head.writeLong(word);
        }
        for (int crc : reply.crcs()) {
            head.writeInt(crc);
        }
        if (!reply.data().isReadable()) {
            reply.data().release();
            return head;
        }
        CompositeByteBuf body = allocator.compositeDirectBuffer(2);
        return body.addComponent(true, head).addComponent(true, reply.data());
    }

    /**
     * Takes ownership of {@code body}, which the reply's data goes on sharing: releasing the data
     * releases it. Checks form, not checksums. Fails with MALFORMED or UNSUPPORTED_VERSION.
     */
    public static ReadReply decode(ByteBuf body) {
        return Body.decodeKeepingPayload(body, FORMAT, ReadReplyCodec::read);
    }

    private static ReadReply read(ByteBuf in) {
        int blockCount = in.readInt();
        Body.require(
                blockCount > 0 && blockCount <= ReadRequest.MAX_BLOCKS,
                "reply of " + blockCount + " blocks");
        long[] present = new long[(blockCount + Long.SIZE - 1) / Long.SIZE];
        int presentCount = 0;
        for (int i = 0; i < present.length; i++) {
            present[i] = in.readLong();
            presentCount += Long.bitCount(present[i]);
        }
        int lastBits = blockCount % Long.SIZE;
        Body.require(
                lastBits == 0 || present[present.length - 1] >>> lastBits == 0,
                "present blocks beyond the end");
        Body.requireLeft(in, (long) presentCount * (Integer.BYTES + Block.BYTES));
        int[] crcs = new int[presentCount];
        for (int i = 0; i < presentCount; i++) {
            crcs[i] = in.readInt();
        }
        return new ReadReply(blockCount, present, crcs, in.readSlice(presentCount * Block.BYTES));
    }
}
