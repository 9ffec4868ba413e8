package io.mirach.protocol.data;

import io.mirach.model.Block;
import io.mirach.model.BlockRange;
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
 * {@link BlockStatusRequest} as bytes.
 *
 * <pre>
 * u8  format (1)
 * u32 placement group
 * u64 volume, u64 epoch (0 for a snapshot), u64 layer
 * u64 first block, u64 block count (at least 1)
 * u32 most runs in the answer, 1 to {@link BlockStatusReply#MAX_RUNS}
 * u8  flags: bit 0: strict
 * </pre>
 */
public final class BlockStatusRequestCodec {
    private static final int FORMAT = 1;
    private static final int FLAG_STRICT = 1;
    private static final int BYTES = 1 + 4 + 24 + 16 + 4 + 1;

    private BlockStatusRequestCodec() {}

    public static ByteBuf encode(BlockStatusRequest request, ByteBufAllocator allocator) {
        return allocator
                .directBuffer(BYTES)
                .writeByte(FORMAT)
                .writeInt(request.placementGroup().value())
                .writeLong(request.volume().value())
                .writeLong(IdentityFields.numberOf(request.epoch()))
                .writeLong(request.layer().value())
                .writeLong(request.range().firstBlock())
                .writeLong(request.range().blockCount())
                .writeInt(request.maxRuns())
                .writeByte(request.strict() ? FLAG_STRICT : 0);
    }

    /** Takes ownership of {@code body}. Fails with MALFORMED or UNSUPPORTED_VERSION. */
    public static BlockStatusRequest decode(ByteBuf body) {
        return Body.decode(body, FORMAT, BlockStatusRequestCodec::read);
    }

    private static BlockStatusRequest read(ByteBuf in) {
        Body.requireLeft(in, BYTES - 1);
        PlacementGroupId group = IdentityFields.readPlacementGroup(in);
        VolumeId volume = new VolumeId(in.readLong());
        Optional<Epoch> epoch = IdentityFields.readEpoch(in);
        LayerId layer = new LayerId(in.readLong());
        BlockRange range = new BlockRange(in.readLong(), in.readLong());
        int maxRuns = in.readInt();
        int flags = in.readUnsignedByte();
        Body.require((flags & ~FLAG_STRICT) == 0, "block status with flags " + flags);
        Body.require(
                maxRuns > 0 && maxRuns <= BlockStatusReply.MAX_RUNS,
                "block status of at most " + maxRuns + " runs");
        Body.require(
                range.blockCount() > 0 && range.endBlock() <= Volume.MAX_SIZE_BYTES / Block.BYTES,
                "block status of " + range);
        return new BlockStatusRequest(
                group, volume, epoch, layer, range, maxRuns, (flags & FLAG_STRICT) != 0);
    }
}
