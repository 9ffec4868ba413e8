package io.mirach.server.chunk;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.ZeroRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The commands of a placement group's log as bytes, numbers big-endian. The log outlives releases,
 * so this is a format of its own and no wire message.
 *
 * <pre>
 * u8 version (1), u8 type, then by type
 *  1 write:       identity, u64 offset, u8 flags (bit 0: keep zeroes), u32 n,
 *                 u32 CRC32C per block touched, n bytes of data
 *  2 zero:        identity, u64 offset, u32 length
 *  3 open volume: u64 volume, u64 head, u32 extent bytes, u64 size bytes, u64 slot bits
 *  4 drop volume: u64 volume
 *  5 admit:       u64 volume, u64 version, u32 n, n x u64 epochs that write, u32 n, n x u64 that read
 *  6 seal layer:  u64 volume, u64 sealed, u64 new head, u64 snapshot
 *  7 take digest: u64 id
 *  8 take digest of some: u64 id, u32 n, n x 2 u64 data dirs
 * identity: u64 volume, u64 epoch, u8 slot, u64 sequence, u64 lowest unacknowledged, u64 head
 * </pre>
 */
final class ChunkCommandCodec {
    private static final int VERSION = 1;
    private static final int WRITE = 1;
    private static final int ZERO = 2;
    private static final int OPEN_VOLUME = 3;
    private static final int DROP_VOLUME = 4;
    private static final int ADMIT = 5;
    private static final int SEAL_LAYER = 6;
    private static final int TAKE_DIGEST = 7;
    private static final int TAKE_DIGEST_OF_SOME = 8;

    private static final int IDENTITY_BYTES = 41;
    private static final int KEEP_ZEROES = 1;

    private ChunkCommandCodec() {}

    /** Takes ownership of the request's data: the command holds it uncopied. */
    static ByteBuf encode(WriteRequest request, ByteBufAllocator allocator) {
        int[] crcs = request.crcs();
        ByteBuf head = allocator.directBuffer(2 + IDENTITY_BYTES + 13 + 4 * crcs.length);
        head.writeByte(VERSION).writeByte(WRITE);
        write(head, request.identity());
        head.writeLong(request.offsetBytes())
                .writeByte(request.keepZeroes() ? KEEP_ZEROES : 0)
                .writeInt(request.data().readableBytes());
        for (int crc : crcs) {
            head.writeInt(crc);
        }
        return allocator
                .compositeBuffer(2)
                .addComponent(true, head)
                .addComponent(true, request.data());
    }

    static ByteBuf encode(ZeroRequest request, ByteBufAllocator allocator) {
        ByteBuf out = allocator.directBuffer(2 + IDENTITY_BYTES + 12);
        out.writeByte(VERSION).writeByte(ZERO);
        write(out, request.identity());
        return out.writeLong(request.offsetBytes()).writeInt(request.lengthBytes());
    }

    /** Fails with IllegalArgumentException if the order names a slot that there is not. */
    static ByteBuf encode(GroupOrder order, ByteBufAllocator allocator) {
        long slotBits = order instanceof GroupOrder.OpenVolume open ? slotBits(open.slots()) : 0;
        ByteBuf out = allocator.directBuffer(64).writeByte(VERSION);
        if (order instanceof GroupOrder.OpenVolume open) {
            out.writeByte(OPEN_VOLUME)
                    .writeLong(open.volume().value())
                    .writeLong(open.head().value())
                    .writeInt(open.extentBytes())
                    .writeLong(open.sizeBytes())
                    .writeLong(slotBits);
        } else if (order instanceof GroupOrder.DropVolume drop) {
            out.writeByte(DROP_VOLUME).writeLong(drop.volume().value());
        } else if (order instanceof GroupOrder.Admit admit) {
            out.writeByte(ADMIT).writeLong(admit.volume().value()).writeLong(admit.version());
            write(out, admit.readWrite());
            write(out, admit.readOnly());
        } else if (order instanceof GroupOrder.SealLayer seal) {
            out.writeByte(SEAL_LAYER)
                    .writeLong(seal.volume().value())
                    .writeLong(seal.sealed().value())
                    .writeLong(seal.newHead().value())
                    .writeLong(seal.snapshotId());
        } else if (order instanceof GroupOrder.TakeDigest digest) {
            write(out, digest);
        }
        return out;
    }

    /**
     * Reads a command; borrows {@code in}, which a write's data goes on sharing.
     *
     * @throws IllegalStateException if this release cannot read it. Passing it over would make this
     *     replica differ from the others, so it must stop.
     */
    static ChunkCommand decode(ByteBuf in) {
        try {
            int version = in.readUnsignedByte();
            if (version != VERSION) {
                throw new IllegalStateException(
                        "log command of version " + version + "; this release reads " + VERSION);
            }
            int type = in.readUnsignedByte();
            ChunkCommand command = decode(type, in);
            if (in.isReadable()) {
                throw new IllegalStateException("log command with bytes left over: type " + type);
            }
            return command;
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new IllegalStateException("unreadable log command", e);
        }
    }

    private static ChunkCommand decode(int type, ByteBuf in) {
        return switch (type) {
            case WRITE -> decodeWrite(in);
            case ZERO -> new ChunkCommand.Zero(readIdentity(in), in.readLong(), in.readInt());
            case OPEN_VOLUME ->
                    new ChunkCommand.OpenVolume(
                            new VolumeId(in.readLong()),
                            new LayerId(in.readLong()),
                            in.readInt(),
                            in.readLong(),
                            in.readLong());
            case DROP_VOLUME -> new ChunkCommand.DropVolume(new VolumeId(in.readLong()));
            case ADMIT ->
                    new ChunkCommand.Admit(
                            new VolumeId(in.readLong()),
                            in.readLong(),
                            readEpochs(in),
                            readEpochs(in));
            case SEAL_LAYER ->
                    new ChunkCommand.SealLayer(
                            new VolumeId(in.readLong()),
                            new LayerId(in.readLong()),
                            new LayerId(in.readLong()),
                            in.readLong());
            case TAKE_DIGEST ->
                    new ChunkCommand.TakeDigest(new DigestOrder(in.readLong(), List.of()));
            case TAKE_DIGEST_OF_SOME ->
                    new ChunkCommand.TakeDigest(new DigestOrder(in.readLong(), readDataDirs(in)));
            default -> throw new IllegalStateException("log command of type " + type);
        };
    }

    private static ChunkCommand decodeWrite(ByteBuf in) {
        WriteIdentity identity = readIdentity(in);
        long offsetBytes = in.readLong();
        int flags = in.readUnsignedByte();
        int lengthBytes = in.readInt();
        int[] crcs = new int[blocksTouched(offsetBytes, lengthBytes)];
        for (int i = 0; i < crcs.length; i++) {
            crcs[i] = in.readInt();
        }
        return new ChunkCommand.Write(
                identity, offsetBytes, (flags & KEEP_ZEROES) != 0, crcs, in.readSlice(lengthBytes));
    }

    static int blocksTouched(long offsetBytes, int lengthBytes) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("write of " + lengthBytes + " bytes");
        }
        long last = Block.indexOf(offsetBytes + lengthBytes - 1);
        return (int) (last - Block.indexOf(offsetBytes)) + 1;
    }

    private static long slotBits(List<Integer> slots) {
        long bits = 0;
        for (int slot : slots) {
            bits |= 1L << new Slot(slot).index();
        }
        return bits;
    }

    private static void write(ByteBuf out, WriteIdentity identity) {
        out.writeLong(identity.volume().value())
                .writeLong(identity.epoch().value())
                .writeByte(identity.slot().index())
                .writeLong(identity.sequence())
                .writeLong(identity.lowestUnacknowledged())
                .writeLong(identity.head().value());
    }

    private static WriteIdentity readIdentity(ByteBuf in) {
        return new WriteIdentity(
                new VolumeId(in.readLong()),
                new Epoch(in.readLong()),
                new Slot(in.readUnsignedByte()),
                in.readLong(),
                in.readLong(),
                new LayerId(in.readLong()));
    }

    private static void write(ByteBuf out, List<Epoch> epochs) {
        out.writeInt(epochs.size());
        epochs.forEach(epoch -> out.writeLong(epoch.value()));
    }

    private static void write(ByteBuf out, GroupOrder.TakeDigest digest) {
        out.writeByte(digest.only().isEmpty() ? TAKE_DIGEST : TAKE_DIGEST_OF_SOME)
                .writeLong(digest.id());
        if (!digest.only().isEmpty()) {
            out.writeInt(digest.only().size());
            for (UUID dir : digest.only()) {
                out.writeLong(dir.getMostSignificantBits())
                        .writeLong(dir.getLeastSignificantBits());
            }
        }
    }

    private static List<UUID> readDataDirs(ByteBuf in) {
        List<UUID> dirs = new ArrayList<>();
        for (int left = in.readInt(); left > 0; left--) {
            dirs.add(new UUID(in.readLong(), in.readLong()));
        }
        return dirs;
    }

    private static List<Epoch> readEpochs(ByteBuf in) {
        int count = in.readInt();
        List<Epoch> epochs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            epochs.add(new Epoch(in.readLong()));
        }
        return epochs;
    }
}
