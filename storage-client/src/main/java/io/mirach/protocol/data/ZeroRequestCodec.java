package io.mirach.protocol.data;

import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.protocol.Body;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/**
 * {@link ZeroRequest} as bytes; its reply has no body.
 *
 * <pre>
 * u8  format (1)
 * u32 placement group
 * 41  identity, see {@link IdentityFields}
 * u64 offset in bytes
 * u32 length in bytes, 1 to 16 MiB
 * </pre>
 */
public final class ZeroRequestCodec {
    private static final int FORMAT = 1;
    private static final int BYTES = 1 + 4 + IdentityFields.WRITE_IDENTITY_BYTES + 8 + 4;
    private static final int MAX_LENGTH_BYTES = Volume.MAX_EXTENT_BYTES;

    private ZeroRequestCodec() {}

    public static ByteBuf encode(ZeroRequest request, ByteBufAllocator allocator) {
        ByteBuf out = allocator.directBuffer(BYTES);
        out.writeByte(FORMAT).writeInt(request.placementGroup().value());
        IdentityFields.write(out, request.identity());
        return out.writeLong(request.offsetBytes()).writeInt(request.lengthBytes());
    }

    /** Takes ownership of {@code body}. Fails with MALFORMED or UNSUPPORTED_VERSION. */
    public static ZeroRequest decode(ByteBuf body) {
        return Body.decode(body, FORMAT, ZeroRequestCodec::read);
    }

    private static ZeroRequest read(ByteBuf in) {
        Body.requireLeft(in, BYTES - 1);
        PlacementGroupId group = IdentityFields.readPlacementGroup(in);
        WriteIdentity identity = IdentityFields.readIdentity(in);
        long offsetBytes = in.readLong();
        int lengthBytes = in.readInt();
        Body.require(
                lengthBytes > 0 && lengthBytes <= MAX_LENGTH_BYTES,
                "zeroing of " + lengthBytes + " bytes");
        Body.require(
                offsetBytes >= 0 && offsetBytes <= Volume.MAX_SIZE_BYTES - lengthBytes,
                "zeroing at offset " + offsetBytes);
        return new ZeroRequest(group, identity, offsetBytes, lengthBytes);
    }
}
