package io.mirach.protocol.data;

import io.mirach.model.Block;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.protocol.Body;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;

/**
 * {@link WriteRequest} as bytes; its reply has no body.
 *
 * <pre>
 * u8  format (1)
 * u32 placement group
 * 41  identity, see {@link IdentityFields}
 * u64 offset in bytes
 * u8  flags: bit 0: keep zeroes, bit 1: unsettled
 * u32 n, length of the data in bytes, 1 to 1 MiB
 * u32 CRC32C of each block touched, in order
 * n bytes of data
 * </pre>
 */
public final class WriteRequestCodec {
    private static final int FORMAT = 1;
    private static final int FLAG_KEEP_ZEROES = 1;
    private static final int FLAG_UNSETTLED = 2;
    private static final int FLAGS = FLAG_KEEP_ZEROES | FLAG_UNSETTLED;
    private static final int FIXED_BYTES = 1 + 4 + IdentityFields.WRITE_IDENTITY_BYTES + 8 + 1 + 4;

    private WriteRequestCodec() {}

    /**
     * Takes ownership of the request's data: the body, which the caller owns, holds it uncopied.
     */
    public static ByteBuf encode(WriteRequest request, ByteBufAllocator allocator) {
        int[] crcs = request.crcs();
        ByteBuf head = allocator.directBuffer(FIXED_BYTES + crcs.length * Integer.BYTES);
        head.writeByte(FORMAT).writeInt(request.placementGroup().value());
        IdentityFields.write(head, request.identity());
        head.writeLong(request.offsetBytes())
                .writeByte(
                        (request.keepZeroes() ? FLAG_KEEP_ZEROES : 0)
                                | (request.unsettled() ? FLAG_UNSETTLED : 0))
                .writeInt(request.data().readableBytes());
        for (int crc : crcs) {
            head.writeInt(crc);
        }
        CompositeByteBuf body = allocator.compositeDirectBuffer(2);
        return body.addComponent(true, head).addComponent(true, request.data());
    }

    /**
     * Takes ownership of {@code body}, which the request's data goes on sharing: releasing the data
     * releases it. Fails with MALFORMED or UNSUPPORTED_VERSION.
     */
    public static WriteRequest decode(ByteBuf body) {
        return Body.decodeKeepingPayload(body, FORMAT, WriteRequestCodec::read);
    }

    private static WriteRequest read(ByteBuf in) {
        Body.require(in.readableBytes() >= FIXED_BYTES - 1, "message is too short");
        PlacementGroupId group = IdentityFields.readPlacementGroup(in);
        WriteIdentity identity = IdentityFields.readIdentity(in);
        long offsetBytes = in.readLong();
        int flags = in.readUnsignedByte();
        int lengthBytes = in.readInt();
        Body.require((flags & ~FLAGS) == 0, "write with flags " + flags);
        Body.require(
                lengthBytes > 0 && lengthBytes <= WriteRequest.MAX_BYTES,
                "write of " + lengthBytes + " bytes");
        Body.require(
                offsetBytes >= 0 && offsetBytes <= Volume.MAX_SIZE_BYTES - lengthBytes,
                "write at offset " + offsetBytes);
        int count = blocksTouched(offsetBytes, lengthBytes);
        Body.requireLeft(in, (long) count * Integer.BYTES + lengthBytes);
        int[] crcs = new int[count];
        for (int i = 0; i < count; i++) {
            crcs[i] = in.readInt();
        }
        return new WriteRequest(
                group,
                identity,
                offsetBytes,
                (flags & FLAG_KEEP_ZEROES) != 0,
                (flags & FLAG_UNSETTLED) != 0,
                crcs,
                in.readSlice(lengthBytes));
    }

    private static int blocksTouched(long offsetBytes, int lengthBytes) {
        long first = Block.indexOf(offsetBytes);
        return (int) (Block.indexOf(offsetBytes + lengthBytes - 1) - first) + 1;
    }
}
