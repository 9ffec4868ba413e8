package io.mirach.protocol.data;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Body;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Optional;

/**
 * {@link ReadRequest} as bytes.
 *
 * <pre>
 * u8  format (1)
 * u32 placement group
 * u64 volume, u64 epoch (0 for a snapshot), u64 layer
 * u64 first block
 * u32 block count, 1 to 256
 * u8  flags: bit 0: strict
 * </pre>
 */
public final class ReadRequestCodec {
    private static final int FORMAT = 1;
    private static final int FLAG_STRICT = 1;
    private static final int BYTES = 1 + 4 + 24 + 8 + 4 + 1;

    private ReadRequestCodec() {}

    public static ByteBuf encode(ReadRequest request, ByteBufAllocator allocator) {
        return allocator
                .directBuffer(BYTES)
                .writeByte(FORMAT)
                .writeInt(request.placementGroup().value())
                .writeLong(request.volume().value())
                .writeLong(IdentityFields.numberOf(request.epoch()))
                .writeLong(request.layer().value())
                .writeLong(request.firstBlock())
                .writeInt(request.blockCount())
                .writeByte(request.strict() ? FLAG_STRICT : 0);
    }

    /** Takes ownership of {@code body}. Fails with MALFORMED or UNSUPPORTED_VERSION. */
    public static ReadRequest decode(ByteBuf body) {
        return Body.decode(body, FORMAT, ReadRequestCodec::read);
    }

    /**
     * The most bytes of blocks that the answer to this body can hold, so that a server may charge
     * for them before it reads. Moves no index; 0 for a body that is not a read.
     */
    public static int replyBytesAtMost(ByteBuf body) {
        if (body.readableBytes() != BYTES) {
            return 0;
        }
        int blockCount = body.getInt(body.readerIndex() + BYTES - 1 - Integer.BYTES);
        return Math.max(0, Math.min(blockCount, ReadRequest.MAX_BLOCKS)) * Block.BYTES;
    }

    private static ReadRequest read(ByteBuf in) {
        Body.requireLeft(in, BYTES - 1);
        PlacementGroupId group = IdentityFields.readPlacementGroup(in);
        VolumeId volume = new VolumeId(in.readLong());
        Optional<Epoch> epoch = IdentityFields.readEpoch(in);
        LayerId layer = new LayerId(in.readLong());
        long firstBlock = in.readLong();
        int blockCount = in.readInt();
        int flags = in.readUnsignedByte();
        Body.require((flags & ~FLAG_STRICT) == 0, "read with flags " + flags);
        Body.require(
                blockCount > 0 && blockCount <= ReadRequest.MAX_BLOCKS,
                "read of " + blockCount + " blocks");
        Body.require(
                firstBlock >= 0 && firstBlock <= Volume.MAX_SIZE_BYTES / Block.BYTES - blockCount,
                "read at block " + firstBlock);
        return new ReadRequest(
                group, volume, epoch, layer, firstBlock, blockCount, (flags & FLAG_STRICT) != 0);
    }
}
