package io.mirach.protocol.data;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.netty.buffer.ByteBuf;
import java.util.Optional;

/**
 * The fields that several data messages share, as bytes. A write's identity is: u64 volume, u64
 * epoch, u8 slot, u64 sequence, u64 lowest unacknowledged, u64 head.
 */
final class IdentityFields {
    static final int WRITE_IDENTITY_BYTES = 41;

    private IdentityFields() {}

    static void write(ByteBuf out, WriteIdentity identity) {
        out.writeLong(identity.volume().value())
                .writeLong(identity.epoch().value())
                .writeByte(identity.slot().index())
                .writeLong(identity.sequence())
                .writeLong(identity.lowestUnacknowledged())
                .writeLong(identity.head().value());
    }

    static WriteIdentity readIdentity(ByteBuf in) {
        return new WriteIdentity(
                new VolumeId(in.readLong()),
                new Epoch(in.readLong()),
                new Slot(in.readUnsignedByte()),
                in.readLong(),
                in.readLong(),
                new LayerId(in.readLong()));
    }

    /** An epoch, or 0 for none. */
    static long numberOf(Optional<Epoch> epoch) {
        return epoch.isPresent() ? epoch.get().value() : 0;
    }

    static Optional<Epoch> readEpoch(ByteBuf in) {
        long number = in.readLong();
        return number == 0 ? Optional.empty() : Optional.of(new Epoch(number));
    }

    static PlacementGroupId readPlacementGroup(ByteBuf in) {
        return new PlacementGroupId(in.readInt());
    }
}
