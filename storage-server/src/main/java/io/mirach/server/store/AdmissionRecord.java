package io.mirach.server.store;

import io.mirach.model.Epoch;
import io.mirach.model.VolumeId;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Which attachments a placement group admits to a volume; a higher version replaces it.
 *
 * <pre>
 * u8  format (1)
 * u64 version
 * u32 n, n x u64 epochs that read and write, ascending
 * u32 n, n x u64 epochs that only read, ascending
 * </pre>
 */
public record AdmissionRecord(
        VolumeId volume, long version, List<Epoch> readWrite, List<Epoch> readOnly) {
    private static final int FORMAT = 1;

    public AdmissionRecord {
        Objects.requireNonNull(volume, "volume");
        readWrite = readWrite.stream().distinct().sorted().toList();
        readOnly = readOnly.stream().distinct().sorted().toList();
    }

    /** Admits nobody. */
    public static AdmissionRecord none(VolumeId volume) {
        return new AdmissionRecord(volume, 0, List.of(), List.of());
    }

    public boolean admitsWrites(Epoch epoch) {
        return readWrite.contains(epoch);
    }

    public boolean admitsReads(Epoch epoch) {
        return readWrite.contains(epoch) || readOnly.contains(epoch);
    }

    /** Every admitted epoch, ascending. */
    public List<Epoch> epochs() {
        return Stream.concat(readWrite.stream(), readOnly.stream()).distinct().sorted().toList();
    }

    void encode(ByteBuf out) {
        out.writeByte(FORMAT).writeLong(version);
        write(out, readWrite);
        write(out, readOnly);
    }

    static AdmissionRecord decode(VolumeId volume, ByteBuf in) {
        return RecordFormat.decode(
                "admission",
                in,
                FORMAT,
                body -> new AdmissionRecord(volume, body.readLong(), read(body), read(body)));
    }

    private static void write(ByteBuf out, List<Epoch> epochs) {
        out.writeInt(epochs.size());
        epochs.forEach(epoch -> out.writeLong(epoch.value()));
    }

    private static List<Epoch> read(ByteBuf in) {
        int count = in.readInt();
        List<Epoch> epochs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            epochs.add(new Epoch(in.readLong()));
        }
        return epochs;
    }
}
