package io.mirach.protocol.cluster;

import io.mirach.protocol.Body;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * Lease messages are binary: every pair of data dirs exchanges one each 100 ms.
 *
 * <pre>
 * LeaseClaims:        u8 format (1), uuid from, uuid to, u16 n, n x (uuid group, u64 term)
 * LeaseConfirmations: u8 format (2), u8 flags (bit 0: room is low), u16 n, n x uuid group
 * </pre>
 *
 * Decoding takes ownership of the body and fails with MALFORMED or UNSUPPORTED_VERSION.
 */
public final class LeaseClaimsCodec {
    private static final int CLAIMS_FORMAT = 1;
    private static final int CONFIRMATIONS_FORMAT = 2;
    private static final int FLAG_ROOM_IS_LOW = 1;
    private static final int UUID_BYTES = 16;
    private static final int CLAIM_BYTES = UUID_BYTES + 8;
    // More would not fit a frame; a node leads far fewer groups.
    static final int MAX_CLAIMS = 40_000;

    private LeaseClaimsCodec() {}

    public static ByteBuf encode(LeaseClaims message, ByteBufAllocator allocator) {
        int count = message.claims().size();
        checkCount(count);
        ByteBuf out = allocator.directBuffer(3 + 2 * UUID_BYTES + count * CLAIM_BYTES);
        out.writeByte(CLAIMS_FORMAT);
        writeUuid(out, message.from());
        writeUuid(out, message.to());
        out.writeShort(count);
        for (LeaseClaims.Claim claim : message.claims()) {
            writeUuid(out, claim.group());
            out.writeLong(claim.term());
        }
        return out;
    }

    public static LeaseClaims decodeClaims(ByteBuf body) {
        return Body.decode(
                body,
                CLAIMS_FORMAT,
                in -> {
                    UUID from = readUuid(in);
                    UUID to = readUuid(in);
                    int count = in.readUnsignedShort();
                    Body.requireLeft(in, (long) count * CLAIM_BYTES);
                    List<LeaseClaims.Claim> claims = new ArrayList<>(count);
                    for (int i = 0; i < count; i++) {
                        claims.add(new LeaseClaims.Claim(readUuid(in), in.readLong()));
                    }
                    return new LeaseClaims(from, to, claims);
                });
    }

    public static ByteBuf encode(LeaseConfirmations message, ByteBufAllocator allocator) {
        int count = message.groups().size();
        checkCount(count);
        ByteBuf out = allocator.directBuffer(4 + count * UUID_BYTES);
        out.writeByte(CONFIRMATIONS_FORMAT)
                .writeByte(message.roomIsLow() ? FLAG_ROOM_IS_LOW : 0)
                .writeShort(count);
        message.groups().forEach(group -> writeUuid(out, group));
        return out;
    }

    public static LeaseConfirmations decodeConfirmations(ByteBuf body) {
        return Body.decode(
                body,
                CONFIRMATIONS_FORMAT,
                in -> {
                    int flags = in.readUnsignedByte();
                    Body.require((flags & ~FLAG_ROOM_IS_LOW) == 0, "flags " + flags);
                    int count = in.readUnsignedShort();
                    Body.requireLeft(in, (long) count * UUID_BYTES);
                    Set<UUID> groups = new HashSet<>();
                    for (int i = 0; i < count; i++) {
                        groups.add(readUuid(in));
                    }
                    return new LeaseConfirmations(groups, (flags & FLAG_ROOM_IS_LOW) != 0);
                });
    }

    private static void checkCount(int count) {
        if (count > MAX_CLAIMS) {
            throw new IllegalArgumentException(count + " lease claims; at most " + MAX_CLAIMS);
        }
    }

    private static void writeUuid(ByteBuf out, UUID uuid) {
        out.writeLong(uuid.getMostSignificantBits()).writeLong(uuid.getLeastSignificantBits());
    }

    private static UUID readUuid(ByteBuf in) {
        return new UUID(in.readLong(), in.readLong());
    }
}
