package io.mirach.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Block;
import io.mirach.nbd.SparseVolume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RawImageTest {
    private static final int MIB = 1 << 20;

    private final SparseVolume volume = new SparseVolume("disk", 8L * MIB);

    /** Runs of data and of zeroes, of any length. */
    private static byte[] image(int seed, int length) {
        Random random = new Random(seed);
        byte[] image = new byte[length];
        int at = 0;
        while (at < length) {
            int run = Math.min(length - at, 1 + random.nextInt(300_000));
            if (random.nextBoolean()) {
                byte[] data = new byte[run];
                random.nextBytes(data);
                System.arraycopy(data, 0, image, at, run);
            }
            at += run;
        }
        return image;
    }

    private static long nonZeroBlocks(byte[] image) {
        long count = 0;
        for (int at = 0; at < image.length; at += Block.BYTES) {
            byte[] block = Arrays.copyOfRange(image, at, Math.min(image.length, at + Block.BYTES));
            count += Arrays.equals(block, new byte[block.length]) ? 0 : 1;
        }
        return count;
    }

    private byte[] written() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        RawImage.write(volume, RawImage.toStream(Channels.newChannel(out)), done -> {});
        return out.toByteArray();
    }

    @ParameterizedTest
    @CsvSource({"1, 8388608", "2, 8388608", "3, 5000000", "4, 1048577", "5, 1", "6, 0"})
    void whatIsReadIsWrittenAgainAndZeroesTakeNoSpace(int seed, int length) throws Exception {
        byte[] image = image(seed, length);
        List<Long> progress = new ArrayList<>();
        long read = RawImage.read(new ByteArrayInputStream(image), volume, progress::add);
        assertThat(read).isEqualTo(length);
        assertThat(progress).isSorted();
        assertThat(volume.allocatedBlocks()).isEqualTo((int) nonZeroBlocks(image));
        assertThat(written()).isEqualTo(Arrays.copyOf(image, 8 * MIB));
    }

    @Test
    void holesAreSkippedAndDataComesInItsOrder() throws Exception {
        byte[] image = image(7, 8 * MIB);
        RawImage.read(new ByteArrayInputStream(image), volume, done -> {});
        byte[] copy = new byte[8 * MIB];
        int[] at = new int[2];
        RawImage.write(
                volume,
                new RawImage.Sink() {
                    @Override
                    public void skip(long bytes) {
                        at[0] += (int) bytes;
                    }

                    @Override
                    public void put(ByteBuffer bytes) {
                        int length = bytes.remaining();
                        bytes.get(copy, at[0], length);
                        at[0] += length;
                        at[1] += length;
                    }
                },
                done -> {});
        assertThat(at[0]).isEqualTo(8 * MIB);
        assertThat(at[1]).isEqualTo((int) nonZeroBlocks(image) * Block.BYTES);
        assertThat(copy).isEqualTo(image);
    }

    @Test
    void moreThanTheVolumeHoldsIsRefused() {
        byte[] image = image(8, 8 * MIB + 1);
        assertThatThrownBy(() -> RawImage.read(new ByteArrayInputStream(image), volume, done -> {}))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.OUT_OF_RANGE));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFailedRequestEndsIt(boolean reading) throws Exception {
        byte[] image = image(9, 8 * MIB);
        RawImage.read(new ByteArrayInputStream(image), volume, done -> {});
        volume.failWith(ErrorCode.FENCED);
        assertThatThrownBy(
                        () -> {
                            if (reading) {
                                RawImage.read(new ByteArrayInputStream(image), volume, done -> {});
                            } else {
                                written();
                            }
                        })
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.FENCED));
    }

    @Test
    void aReaderThatEndsEndsIt() throws Exception {
        RawImage.read(new ByteArrayInputStream(image(10, 8 * MIB)), volume, done -> {});
        RawImage.Sink broken =
                new RawImage.Sink() {
                    @Override
                    public void skip(long bytes) {}

                    @Override
                    public void put(ByteBuffer bytes) throws IOException {
                        throw new IOException("Broken pipe");
                    }
                };
        assertThatThrownBy(() -> RawImage.write(volume, broken, done -> {}))
                .isInstanceOf(IOException.class);
    }
}
