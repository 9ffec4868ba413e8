package io.mirach.server.store;

import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.netty.buffer.ByteBuf;
import java.util.Objects;

/**
 * A snapshot of the layer table: u8 format (1), u64 layer.
 *
 * @param snapshotId names it within the volume, for life
 * @param layer the sealed layer that was the head when it was taken
 */
public record SnapshotRecord(VolumeId volume, long snapshotId, LayerId layer) {
    private static final int FORMAT = 1;

    public SnapshotRecord {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(layer, "layer");
    }

    void encode(ByteBuf out) {
        out.writeByte(FORMAT).writeLong(layer.value());
    }

    static SnapshotRecord decode(VolumeId volume, long snapshotId, ByteBuf in) {
        return RecordFormat.decode(
                "snapshot",
                in,
                FORMAT,
                body -> new SnapshotRecord(volume, snapshotId, new LayerId(body.readLong())));
    }
}
