package io.mirach.server.store;

import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.netty.buffer.ByteBuf;
import java.util.Objects;
import java.util.Optional;

/**
 * A layer of the layer table.
 *
 * <pre>
 * u8  format (1)
 * u64 volume
 * u64 parent layer, 0 for none
 * u8  flags: bit 0: sealed
 * </pre>
 *
 * @param volume whose layer it is; a parent may be another volume's
 * @param parent the next older layer of the chain
 * @param sealed whether it takes no more writes
 */
public record LayerRecord(
        LayerId layer, VolumeId volume, Optional<LayerId> parent, boolean sealed) {
    private static final int FORMAT = 1;

    public LayerRecord {
        Objects.requireNonNull(layer, "layer");
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(parent, "parent");
    }

    void encode(ByteBuf out) {
        out.writeByte(FORMAT)
                .writeLong(volume.value())
                .writeLong(parent.map(LayerId::value).orElse(0L))
                .writeByte(sealed ? 1 : 0);
    }

    static LayerRecord decode(LayerId layer, ByteBuf in) {
        return RecordFormat.decode(
                "layer",
                in,
                FORMAT,
                body -> {
                    VolumeId volume = new VolumeId(body.readLong());
                    long parent = body.readLong();
                    return new LayerRecord(
                            layer,
                            volume,
                            parent == 0 ? Optional.empty() : Optional.of(new LayerId(parent)),
                            body.readBoolean());
                });
    }
}
