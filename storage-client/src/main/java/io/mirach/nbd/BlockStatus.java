package io.mirach.nbd;

import io.mirach.client.VolumeIo.Allocation;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;

/** The payload of a BLOCK_STATUS reply for {@code base:allocation}. */
final class BlockStatus {
    /** The id under which the only metadata context was announced. */
    static final int ALLOCATION_CONTEXT_ID = 1;

    static final String ALLOCATION_CONTEXT = "base:allocation";

    /** A reply has at most twice as many descriptors, and one more. */
    static final int MAX_RUNS = 16 << 10;

    private static final int HOLE = NbdProtocol.STATE_HOLE | NbdProtocol.STATE_ZERO;
    private static final int DATA = 0;

    private final ByteBuf out;
    private final int maxDescriptors;
    private int descriptors;
    private long runBytes;
    private int runState;

    private BlockStatus(ByteBuf out, int maxDescriptors) {
        this.out = out;
        this.maxDescriptors = maxDescriptors;
    }

    /** The most bytes that a reply for so long a range takes. */
    static int maxPayloadBytes(long lengthBytes) {
        long runs = Math.min(MAX_RUNS, lengthBytes / (2 * Block.BYTES) + 1);
        return (int) (4 + 8 * (2 * runs + 1));
    }

    /**
     * Appends context id and descriptors, which cover the range or a part of it from its start.
     * Runs are of whole blocks; the range may begin and end within one.
     */
    static void encode(Request request, Allocation allocation, ByteBuf out) {
        long startBytes = request.offsetBytes;
        long endBytes =
                Math.min(
                        startBytes + request.lengthBytes,
                        allocation.coveredEndBlock() << Block.SHIFT);
        if (endBytes <= startBytes) {
            throw new MirachException(ErrorCode.INTERNAL, "allocation covers nothing of the range");
        }
        out.writeInt(ALLOCATION_CONTEXT_ID);
        BlockStatus status =
                new BlockStatus(
                        out, request.has(NbdProtocol.CMD_FLAG_REQ_ONE) ? 1 : Integer.MAX_VALUE);
        long position = startBytes;
        for (BlockRange run : allocation.allocated()) {
            long runStart = clamp(run.firstBlock() << Block.SHIFT, position, endBytes);
            long runEnd = clamp(run.endBlock() << Block.SHIFT, position, endBytes);
            status.add(HOLE, runStart - position);
            status.add(DATA, runEnd - runStart);
            position = runEnd;
        }
        status.add(HOLE, endBytes - position);
        status.endRun();
    }

    private static long clamp(long value, long low, long high) {
        return Math.max(low, Math.min(high, value));
    }

    private void add(int state, long lengthBytes) {
        if (lengthBytes == 0) {
            return;
        }
        // Runs may touch, at extent boundaries for one; clients like one descriptor better.
        if (state != runState) {
            endRun();
            runState = state;
        }
        runBytes += lengthBytes;
    }

    private void endRun() {
        if (runBytes > 0 && descriptors < maxDescriptors) {
            out.writeInt((int) runBytes).writeInt(runState);
            descriptors++;
        }
        runBytes = 0;
    }
}
