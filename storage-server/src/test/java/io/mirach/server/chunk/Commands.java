package io.mirach.server.chunk;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.ZeroRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Makes log commands for one volume of small extents; all slots are served. */
final class Commands {
    static final PlacementGroupId PG = new PlacementGroupId(1);
    static final VolumeId VOLUME = new VolumeId(11);
    static final LayerId HEAD = new LayerId(100);
    static final Epoch EPOCH = new Epoch(5);
    static final int EXTENT_BYTES = 64 << 10;
    static final int BLOCKS_PER_EXTENT = EXTENT_BYTES / Block.BYTES;
    static final long SIZE_BYTES = 1 << 20;

    private Commands() {}

    static List<Integer> allSlots() {
        List<Integer> slots = new ArrayList<>();
        for (int i = 0; i < Slot.COUNT; i++) {
            slots.add(i);
        }
        return slots;
    }

    static ByteBuf open(VolumeId volume, LayerId head) {
        return open(volume, head, allSlots());
    }

    static ByteBuf open(VolumeId volume, LayerId head, List<Integer> slots) {
        return order(new GroupOrder.OpenVolume(PG, volume, EXTENT_BYTES, SIZE_BYTES, slots, head));
    }

    static ByteBuf admit(VolumeId volume, long version, Epoch... readWrite) {
        return admit(volume, version, List.of(readWrite), List.of());
    }

    static ByteBuf admit(
            VolumeId volume, long version, List<Epoch> readWrite, List<Epoch> readOnly) {
        return order(new GroupOrder.Admit(PG, volume, version, readWrite, readOnly));
    }

    static ByteBuf drop(VolumeId volume) {
        return order(new GroupOrder.DropVolume(PG, volume));
    }

    static ByteBuf order(GroupOrder order) {
        return ChunkCommandCodec.encode(order, ByteBufAllocator.DEFAULT);
    }

    static ByteBuf seal(LayerId sealed, LayerId newHead, long snapshotId) {
        return order(new GroupOrder.SealLayer(PG, VOLUME, sealed, newHead, snapshotId));
    }

    static Slot slotOf(long offsetBytes) {
        return Slot.ofExtent(offsetBytes / EXTENT_BYTES);
    }

    static WriteIdentity identity(long offsetBytes, long sequence) {
        return identity(offsetBytes, sequence, Math.max(1, sequence - 1000), HEAD);
    }

    static WriteIdentity identity(
            long offsetBytes, long sequence, long lowestUnacknowledged, LayerId head) {
        return new WriteIdentity(
                VOLUME, EPOCH, slotOf(offsetBytes), sequence, lowestUnacknowledged, head);
    }

    static ByteBuf write(long offsetBytes, long sequence, byte[] data) {
        return write(identity(offsetBytes, sequence), offsetBytes, data, false);
    }

    static ByteBuf write(
            WriteIdentity identity, long offsetBytes, byte[] data, boolean keepZeroes) {
        return ChunkCommandCodec.encode(
                writeRequest(identity, offsetBytes, data, keepZeroes), ByteBufAllocator.DEFAULT);
    }

    static WriteRequest writeRequest(
            WriteIdentity identity, long offsetBytes, byte[] data, boolean keepZeroes) {
        ByteBuf payload = Unpooled.wrappedBuffer(data);
        return new WriteRequest(
                PG,
                identity,
                offsetBytes,
                keepZeroes,
                Checksum.perBlock(offsetBytes, payload),
                payload);
    }

    static ByteBuf zero(long offsetBytes, long sequence, int lengthBytes) {
        return zero(identity(offsetBytes, sequence), offsetBytes, lengthBytes);
    }

    static ByteBuf zero(WriteIdentity identity, long offsetBytes, int lengthBytes) {
        return ChunkCommandCodec.encode(
                new ZeroRequest(PG, identity, offsetBytes, lengthBytes), ByteBufAllocator.DEFAULT);
    }

    static byte[] filled(int lengthBytes, int value) {
        byte[] data = new byte[lengthBytes];
        Arrays.fill(data, (byte) value);
        return data;
    }
}
