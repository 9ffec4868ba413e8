package io.mirach.protocol.data;

import io.mirach.model.BlockRange;
import io.mirach.protocol.Body;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;

/**
 * {@link BlockStatusReply} as bytes.
 *
 * <pre>
 * u8  format (1)
 * u64 covered end, in blocks
 * u32 n, at most {@link BlockStatusReply#MAX_RUNS}
 * n x (u64 first block, u64 block count), ascending and disjoint
 * </pre>
 */
public final class BlockStatusReplyCodec {
    private static final int FORMAT = 1;
    private static final int RUN_BYTES = 16;

    private BlockStatusReplyCodec() {}

    public static ByteBuf encode(BlockStatusReply reply, ByteBufAllocator allocator) {
        List<BlockRange> runs = reply.allocated();
        if (runs.size() > BlockStatusReply.MAX_RUNS) {
            throw new IllegalArgumentException(
                    runs.size() + " runs; at most " + BlockStatusReply.MAX_RUNS);
        }
        ByteBuf out = allocator.directBuffer(1 + 8 + 4 + runs.size() * RUN_BYTES);
        out.writeByte(FORMAT).writeLong(reply.coveredEndBlock()).writeInt(runs.size());
        for (BlockRange run : runs) {
            out.writeLong(run.firstBlock()).writeLong(run.blockCount());
        }
        return out;
    }

    /** Takes ownership of {@code body}. Fails with MALFORMED or UNSUPPORTED_VERSION. */
    public static BlockStatusReply decode(ByteBuf body) {
        return Body.decode(body, FORMAT, BlockStatusReplyCodec::read);
    }

    private static BlockStatusReply read(ByteBuf in) {
        long coveredEndBlock = in.readLong();
        long count = in.readUnsignedInt();
        Body.requireLeft(in, count * RUN_BYTES);
        Body.require(count <= BlockStatusReply.MAX_RUNS, count + " runs");
        List<BlockRange> runs = new ArrayList<>((int) count);
        long previousEnd = 0;
        for (int i = 0; i < count; i++) {
            BlockRange run = new BlockRange(in.readLong(), in.readLong());
            Body.require(
                    run.firstBlock() >= previousEnd && run.blockCount() > 0,
                    "runs are not ascending and disjoint");
            previousEnd = run.endBlock();
            runs.add(run);
        }
        Body.require(previousEnd <= coveredEndBlock, "a run beyond the covered end");
        return new BlockStatusReply(coveredEndBlock, runs);
    }
}
