package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.server.store.WriteWindow.Seen;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class WriteWindowTest {
    @Test
    void bytesAreGolden() {
        WriteWindow window = new WriteWindow();
        assertThat(hex(window)).isEqualTo("01" + "0000000000000001" + "00");
        window.record(identity(1, 1));
        window.record(identity(3, 1));
        assertThat(hex(window)).isEqualTo("01" + "0000000000000001" + "03020100" + "0100");
        window.record(identity(4500, 4400));
        // 4400 rounds down to 4352; sequence 4500 is bit 148.
        assertThat(hex(window)).isEqualTo("01" + "0000000000001130" + "0301940100");
    }

    @Test
    void edgesOfTheWindow() {
        WriteWindow window = new WriteWindow();
        assertThat(window.check(0)).isEqualTo(Seen.BELOW);
        assertThat(window.check(1)).isEqualTo(Seen.NEW);
        window.record(identity(WriteIdentity.WINDOW, 1));
        assertThat(window.check(WriteIdentity.WINDOW)).isEqualTo(Seen.APPLIED);
        assertThat(window.check(WriteIdentity.WINDOW + 1)).isEqualTo(Seen.NEW);
        window.record(identity(WriteIdentity.WINDOW + 63, 64));
        assertThat(window.check(63)).isEqualTo(Seen.BELOW);
        assertThat(window.check(64)).isEqualTo(Seen.NEW);
        assertThat(window.check(WriteIdentity.WINDOW)).isEqualTo(Seen.APPLIED);
        assertThat(window.check(WriteIdentity.WINDOW + 63)).isEqualTo(Seen.APPLIED);
        window.record(identity(1L << 40, 1L << 40));
        assertThat(window.check(WriteIdentity.WINDOW + 63)).isEqualTo(Seen.BELOW);
        assertThat(window.check(1L << 40)).isEqualTo(Seen.APPLIED);
        assertThat(window.check((1L << 40) + 1)).isEqualTo(Seen.NEW);
    }

    @Test
    void agreesWithASetWhateverTheOrder() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        WriteWindow window = new WriteWindow();
        Set<Long> applied = new HashSet<>();
        long lowest = 1;
        long base = 1;
        for (int i = 0; i < 50_000; i++) {
            if (random.nextInt(5) == 0) {
                lowest += random.nextInt(random.nextInt(200) + 1);
            }
            long sequence = lowest + random.nextInt(WriteIdentity.WINDOW);
            Seen expected =
                    sequence < base
                            ? Seen.BELOW
                            : applied.contains(sequence) ? Seen.APPLIED : Seen.NEW;
            assertThat(window.check(sequence)).as("seed %s, step %s", seed, i).isEqualTo(expected);
            // Only some writers tell that they have got further.
            long told = random.nextBoolean() ? lowest : Math.max(base, sequence - 4095);
            if (expected == Seen.NEW && told <= sequence) {
                window.record(identity(sequence, told));
                applied.add(sequence);
                base = Math.max(base, told);
            }
            assertThat(window.base()).isEqualTo(base);
            if (i % 1000 == 0) {
                ByteBuf encoded = Unpooled.buffer();
                window.encode(encoded);
                window = WriteWindow.decode(encoded);
            }
        }
    }

    private static WriteIdentity identity(long sequence, long lowestUnacknowledged) {
        return new WriteIdentity(
                new VolumeId(1),
                new Epoch(1),
                new Slot(0),
                sequence,
                lowestUnacknowledged,
                new LayerId(1));
    }

    private static String hex(WriteWindow window) {
        ByteBuf out = Unpooled.buffer();
        window.encode(out);
        return ByteBufUtil.hexDump(out);
    }
}
