package io.mirach.client;

import io.mirach.client.routing.ExtentMapper.Part;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.ReadReply;
import io.mirach.protocol.data.ReadReplyCodec;
import io.mirach.protocol.data.ReadRequest;
import io.mirach.protocol.data.ReadRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Reads the parts of a range: whole blocks are asked for, each one's checksum is verified, and what
 * was not asked for is trimmed. Thread-safe.
 */
final class ReadParts {
    private final VolumeCalls calls;
    private final VolumeLife life;
    private final ByteBufAllocator allocator;

    ReadParts(VolumeCalls calls, ByteBufAllocator allocator) {
        this.calls = calls;
        this.life = calls.life();
        this.allocator = allocator;
    }

    /** Exactly the part's bytes; the caller owns the buffer, which may be read-only. */
    CompletableFuture<ByteBuf> read(Part part) {
        return calls.call(new PendingRead(part))
                .thenApply(reply -> assemble(part, ReadReplyCodec.decode(reply)));
    }

    private final class PendingRead implements VolumeCalls.Request {
        private final Part part;
        private final BlockRange blocks;

        PendingRead(Part part) {
            this.part = part;
            this.blocks = BlockRange.covering(part.offsetBytes(), part.lengthBytes());
        }

        @Override
        public Opcode opcode() {
            return Opcode.READ;
        }

        @Override
        public PlacementGroupId placementGroup() {
            return life.volume().placementGroupOfExtent(part.extentIndex());
        }

        @Override
        public Optional<MirachException> abandoned() {
            return life.endedBy();
        }

        @Override
        public ByteBuf encode() {
            Volume volume = life.volume();
            return ReadRequestCodec.encode(
                    new ReadRequest(
                            volume.placementGroupOfExtent(part.extentIndex()),
                            volume.id(),
                            life.epoch(),
                            life.layer(),
                            blocks.firstBlock(),
                            (int) blocks.blockCount(),
                            life.strictReads()),
                    allocator);
        }

        @Override
        public void verify(ByteBuf body) {
            ReadReply reply = ReadReplyCodec.decode(body.retainedDuplicate());
            try {
                if (reply.blockCount() != blocks.blockCount()) {
                    throw new MirachException(
                            ErrorCode.MALFORMED,
                            "asked for "
                                    + blocks.blockCount()
                                    + " blocks, was given "
                                    + reply.blockCount());
                }
                ByteBuf data = reply.data();
                int[] crcs = reply.crcs();
                for (int i = 0; i < crcs.length; i++) {
                    int index = data.readerIndex() + i * Block.BYTES;
                    if (Checksum.of(data, index, Block.BYTES) != crcs[i]) {
                        throw new MirachException(
                                ErrorCode.CHECKSUM_MISMATCH,
                                "a block read at "
                                        + blocks
                                        + " was damaged on its way from the node");
                    }
                }
            } finally {
                reply.data().release();
            }
        }
    }

    private ByteBuf assemble(Part part, ReadReply reply) {
        ByteBuf data = reply.data();
        int skipBytes = (int) (part.offsetBytes() & (Block.BYTES - 1));
        int presentCount = reply.crcs().length;
        if (presentCount == reply.blockCount()) {
            // Shares the received buffer, and releases it.
            return data.slice(data.readerIndex() + skipBytes, part.lengthBytes());
        }
        if (presentCount == 0) {
            data.release();
            return ZeroBytes.of(part.lengthBytes());
        }
        try {
            return filled(reply, skipBytes, part.lengthBytes());
        } finally {
            data.release();
        }
    }

    /** Blocks and holes mixed: a copy, since holes have no bytes to share. */
    private ByteBuf filled(ReadReply reply, int skipBytes, int lengthBytes) {
        ByteBuf result = allocator.directBuffer(lengthBytes, lengthBytes);
        ByteBuf data = reply.data();
        int readIndex = data.readerIndex();
        for (int i = 0; i < reply.blockCount(); i++) {
            boolean present = (reply.present()[i / Long.SIZE] & 1L << i % Long.SIZE) != 0;
            int from = i == 0 ? skipBytes : 0;
            int count = Math.min(Block.BYTES - from, result.writableBytes());
            if (present) {
                result.writeBytes(data, readIndex + from, count);
                readIndex += Block.BYTES;
            } else {
                result.writeZero(count);
            }
        }
        return result;
    }
}
