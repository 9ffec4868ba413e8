package io.mirach.transfer;

import static io.mirach.transfer.VolumeConnection.get;

import io.mirach.client.VolumeIo;
import io.mirach.client.VolumeIo.Allocation;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongConsumer;

/**
 * The content of a volume as plain bytes. What is zero is neither written nor read. Several
 * requests are in flight; blocks its caller.
 */
final class RawImage {
    private static final int STEP_BYTES = 1 << 20;
    private static final int IN_FLIGHT = 16;
    private static final long ALLOCATION_STEP_BYTES = 1L << 30;
    private static final int MAX_RUNS = 4_096;
    private static final byte[] ZEROES = new byte[Block.BYTES];

    /** Takes the bytes of a volume, ascending. */
    interface Sink {
        /** The next bytes are zero. */
        void skip(long bytes) throws IOException;

        /** The next bytes. */
        void put(ByteBuffer bytes) throws IOException;
    }

    private RawImage() {}

    /**
     * Writes a stream to the beginning of a volume that reads as zeroes.
     *
     * @param progress told how many bytes were taken
     * @return how many bytes the stream had; OUT_OF_RANGE if that is more than the volume has
     */
    static long read(InputStream in, VolumeIo volume, LongConsumer progress)
            throws IOException, InterruptedException {
        Queue<CompletableFuture<Void>> writes = new ArrayDeque<>();
        long offset = 0;
        byte[] step = new byte[STEP_BYTES];
        int length = in.readNBytes(step, 0, STEP_BYTES);
        while (length > 0) {
            if (offset + length > volume.sizeBytes()) {
                throw new MirachException(
                        ErrorCode.OUT_OF_RANGE,
                        "the input is larger than the volume's " + volume.sizeBytes() + " bytes");
            }
            writeStep(volume, offset, step, length, writes);
            offset += length;
            progress.accept(offset);
            step = new byte[STEP_BYTES];
            length = in.readNBytes(step, 0, STEP_BYTES);
        }
        while (!writes.isEmpty()) {
            get(writes.remove());
        }
        get(volume.flush());
        return offset;
    }

    /** Each run of blocks that are not zero by a write of its own. */
    private static void writeStep(
            VolumeIo volume,
            long offset,
            byte[] step,
            int length,
            Queue<CompletableFuture<Void>> writes)
            throws InterruptedException {
        int from = 0;
        while (from < length) {
            int to = from;
            while (to < length && !isZero(step, to, length)) {
                to = Math.min(length, to + Block.BYTES);
            }
            if (to > from) {
                if (writes.size() == IN_FLIGHT) {
                    get(writes.remove());
                }
                writes.add(
                        volume.write(offset + from, Unpooled.wrappedBuffer(step, from, to - from)));
            } else {
                to = Math.min(length, from + Block.BYTES);
            }
            from = to;
        }
    }

    private static boolean isZero(byte[] step, int from, int length) {
        int to = Math.min(length, from + Block.BYTES);
        return Arrays.equals(step, from, to, ZEROES, 0, to - from);
    }

    /** Reads a whole volume. */
    static void write(VolumeIo volume, Sink sink, LongConsumer progress)
            throws IOException, InterruptedException {
        long offset = 0;
        while (offset < volume.sizeBytes()) {
            long length = Math.min(ALLOCATION_STEP_BYTES, volume.sizeBytes() - offset);
            Allocation allocation = get(volume.allocation(offset, length, MAX_RUNS));
            long end = Math.min(offset + length, allocation.coveredEndBlock() * (long) Block.BYTES);
            for (BlockRange run : allocation.allocated()) {
                long from = Math.max(offset, run.firstBlock() * (long) Block.BYTES);
                long to = Math.min(end, run.endBlock() * (long) Block.BYTES);
                if (from < to) {
                    sink.skip(from - offset);
                    copy(volume, from, to, sink, progress);
                    offset = to;
                }
            }
            sink.skip(end - offset);
            offset = end;
            progress.accept(offset);
        }
    }

    private static void copy(VolumeIo volume, long from, long to, Sink sink, LongConsumer progress)
            throws IOException, InterruptedException {
        Queue<CompletableFuture<ByteBuf>> reads = new ArrayDeque<>();
        long asked = from;
        long done = from;
        try {
            while (done < to) {
                while (asked < to && reads.size() < IN_FLIGHT) {
                    int length = (int) Math.min(STEP_BYTES, to - asked);
                    reads.add(volume.read(asked, length));
                    asked += length;
                }
                ByteBuf bytes = get(reads.remove());
                try {
                    done += bytes.readableBytes();
                    for (ByteBuffer part : bytes.nioBuffers()) {
                        sink.put(part);
                    }
                } finally {
                    bytes.release();
                }
                progress.accept(done);
            }
        } finally {
            reads.forEach(read -> read.thenAccept(ByteBuf::release));
        }
    }

    /** Writes zeroes, since what comes next cannot be put elsewhere. */
    static Sink toStream(WritableByteChannel out) {
        return new Sink() {
            private final ByteBuffer zeroes = ByteBuffer.allocateDirect(STEP_BYTES);

            @Override
            public void skip(long bytes) throws IOException {
                long left = bytes;
                while (left > 0) {
                    zeroes.clear().limit((int) Math.min(left, zeroes.capacity()));
                    left -= zeroes.remaining();
                    put(zeroes);
                }
            }

            @Override
            public void put(ByteBuffer bytes) throws IOException {
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
            }
        };
    }
}
