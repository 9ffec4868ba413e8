package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BitmapTest {
    @Test
    void formsAreGolden() {
        assertThat(hex(new Bitmap(1024))).isEqualTo("00");
        assertThat(hex(range(1024, 0, 1024))).isEqualTo("01");
        assertThat(hex(range(1024, 2, 3))).isEqualTo("03010200");
        assertThat(hex(range(1024, 0, 1023))).isEqualTo("030100fe07");
        assertThat(hex(range(16, 0, 15))).isEqualTo("0301000e");
        Bitmap every = new Bitmap(64);
        for (int i = 0; i < 64; i += 2) {
            every.set(i);
        }
        assertThat(hex(every)).isEqualTo("025555555555555555");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 63, 64, 65, 1024, 4096, 4160})
    void agreesWithABitSetAndComesBackFromItsBytes(int size) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Bitmap bitmap = new Bitmap(size);
        BitSet expected = new BitSet();
        for (int round = 0; round < 300; round++) {
            int from = random.nextInt(size);
            int end = Math.min(size, from + 1 + random.nextInt(random.nextInt(size) + 1));
            switch (random.nextInt(5)) {
                case 0 -> {
                    bitmap.setRange(from, end);
                    expected.set(from, end);
                }
                case 1 -> {
                    bitmap.clear(from, end);
                    expected.clear(from, end);
                }
                case 2 -> {
                    bitmap.clear(from);
                    expected.clear(from);
                }
                default -> {
                    bitmap.set(from);
                    expected.set(from);
                }
            }
            String as = "seed " + seed + " round " + round;
            assertThat(bitmap.cardinality()).as(as).isEqualTo(expected.cardinality());
            assertThat(bitmap.isEmpty()).as(as).isEqualTo(expected.isEmpty());
            assertThat(bitmap.get(from)).as(as).isEqualTo(expected.get(from));
            int nextSet = expected.nextSetBit(from);
            assertThat(bitmap.nextSet(from)).as(as).isEqualTo(nextSet < 0 ? size : nextSet);
            assertThat(bitmap.nextClear(from))
                    .as(as)
                    .isEqualTo(Math.min(size, expected.nextClearBit(from)));
            ByteBuf encoded = Unpooled.buffer();
            bitmap.encode(encoded);
            assertThat(encoded.readableBytes())
                    .as(as)
                    .isLessThanOrEqualTo(1 + 8 * ((size + 63) / 64));
            assertThat(Bitmap.decode(encoded, size)).as(as).isEqualTo(bitmap);
            assertThat(encoded.isReadable()).as(as).isFalse();
        }
    }

    @Test
    void bytesThatAreNoBitmapAreRefused() {
        for (String hex : List.of("04", "03010a05", "0302000001ff7f", "02ffffffffffffffff")) {
            ByteBuf in = Unpooled.wrappedBuffer(HexFormat.of().parseHex(hex));
            assertThatThrownBy(() -> Bitmap.decode(in, 15))
                    .as(hex)
                    .isInstanceOf(StoreException.class);
        }
    }

    private static Bitmap range(int size, int from, int end) {
        Bitmap bitmap = new Bitmap(size);
        bitmap.setRange(from, end);
        return bitmap;
    }

    private static String hex(Bitmap bitmap) {
        ByteBuf out = Unpooled.buffer();
        bitmap.encode(out);
        return ByteBufUtil.hexDump(out);
    }
}
