package io.mirach.server.store;

import io.mirach.model.Block;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.netty.buffer.ByteBuf;
import java.util.Objects;

/**
 * A volume as its placement group knows it.
 *
 * <pre>
 * u8  format (1)
 * u64 head layer
 * u32 bytes per extent
 * u64 bytes of the volume
 * u64 slots served here: bit i is slot i
 * </pre>
 *
 * @param slotBits one bit per slot that is served here
 */
public record VolumeRecord(
        VolumeId volume, LayerId head, int extentBytes, long sizeBytes, long slotBits) {
    private static final int FORMAT = 1;
    private static final int MAX_EXTENT_BYTES = 16 << 20;

    public VolumeRecord {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(head, "head");
        if (!isValid(extentBytes, sizeBytes)) {
            throw new IllegalArgumentException(
                    volume + " of " + sizeBytes + " bytes with extents of " + extentBytes);
        }
    }

    /** Whether a volume may have these; a log entry may say anything. */
    public static boolean isValid(int extentBytes, long sizeBytes) {
        return Integer.bitCount(extentBytes) == 1
                && extentBytes >= Block.BYTES
                && extentBytes <= MAX_EXTENT_BYTES
                && sizeBytes > 0
                && Block.isAligned(sizeBytes);
    }

    public int blocksPerExtent() {
        return extentBytes / Block.BYTES;
    }

    public boolean serves(Slot slot) {
        return (slotBits >>> slot.index() & 1) != 0;
    }

    public VolumeRecord withHead(LayerId newHead) {
        return new VolumeRecord(volume, newHead, extentBytes, sizeBytes, slotBits);
    }

    void encode(ByteBuf out) {
        out.writeByte(FORMAT)
                .writeLong(head.value())
                .writeInt(extentBytes)
                .writeLong(sizeBytes)
                .writeLong(slotBits);
    }

    static VolumeRecord decode(VolumeId volume, ByteBuf in) {
        return RecordFormat.decode(
                "volume",
                in,
                FORMAT,
                body ->
                        new VolumeRecord(
                                volume,
                                new LayerId(body.readLong()),
                                body.readInt(),
                                body.readLong(),
                                body.readLong()));
    }
}
