package io.mirach.server.maintenance;

import io.mirach.model.LayerId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.raft.LogPosition;
import io.mirach.server.store.BlockCopy;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/** What a replica with a damaged block and the others say to each other. */
final class RepairMessages {
    private static final int FORMAT = 1;
    private static final int HEADER_BYTES = 1 + Integer.BYTES;

    private RepairMessages() {}

    /**
     * COPY_BLOCK: what the receiver's replica holds of a block. Answered with {@link Answer}.
     *
     * @param dataDir the receiver's
     */
    record Ask(UUID dataDir, UUID raftGroupId, long layer, long block) {
        Ask {
            Objects.requireNonNull(dataDir, "dataDir");
            Objects.requireNonNull(raftGroupId, "raftGroupId");
        }
    }

    /**
     * @param damagedBlocks how many blocks of the replica are not intact, as far as its node knows
     * @param copy empty if it has none that is intact
     */
    record Answer(int damagedBlocks, Optional<BlockCopy> copy) {}

    /**
     * An answer as a body, which the caller owns.
     *
     * <pre>
     * u8  format (1)
     * u32 CRC32C of what follows
     * u32 damaged blocks
     * u64 layer, u64 block, u64 term, u64 index, u64 changed index, value; nothing without a copy
     * </pre>
     */
    static ByteBuf encode(Answer answer, ByteBufAllocator allocator) {
        ByteBuf body = allocator.directBuffer();
        body.writeByte(FORMAT).writeInt(0).writeInt(answer.damagedBlocks());
        answer.copy()
                .ifPresent(
                        copy ->
                                body.writeLong(copy.layer().value())
                                        .writeLong(copy.block())
                                        .writeLong(copy.position().term())
                                        .writeLong(copy.position().index())
                                        .writeLong(copy.changedIndex())
                                        .writeBytes(copy.value()));
        return body.setInt(
                1,
                BackfillMessages.crc(
                        body.slice(HEADER_BYTES, body.readableBytes() - HEADER_BYTES)));
    }

    /** Reads an answer; takes ownership of the body. */
    static Answer decode(ByteBuf body) {
        try {
            int format = body.readUnsignedByte();
            if (format != FORMAT) {
                throw new MirachException(
                        ErrorCode.UNSUPPORTED_VERSION, "copy of a block in format " + format);
            }
            if (body.readInt() != BackfillMessages.crc(body)) {
                throw new MirachException(
                        ErrorCode.CHECKSUM_MISMATCH, "the copy of a block was damaged on its way");
            }
            int damagedBlocks = body.readInt();
            if (!body.isReadable()) {
                return new Answer(damagedBlocks, Optional.empty());
            }
            LayerId layer = new LayerId(body.readLong());
            long block = body.readLong();
            LogPosition position = new LogPosition(body.readLong(), body.readLong());
            long changedIndex = body.readLong();
            byte[] value = new byte[body.readableBytes()];
            body.readBytes(value);
            return new Answer(
                    damagedBlocks,
                    Optional.of(new BlockCopy(layer, block, position, changedIndex, value)));
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new MirachException(ErrorCode.MALFORMED, "not the copy of a block", e);
        } finally {
            body.release();
        }
    }
}
