package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Block;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreFlipsTest {
    private static final int GAP_BYTES = 21;

    @TempDir Path folder;

    @Test
    void theNewestValueIsDamagedInEveryCopyAndNoOlderOne() throws IOException {
        // Block 7 has an older value in front of and behind the newest, which is there twice.
        Path first = write("1.blob", content(7, 3), content(7, 9), content(8, 5), content(7, 4));
        Path second = write("2.blob", content(7, 9), content(6, 20));

        StoreFlips flips = new StoreFlips(folder, new Random(1));
        assertThat(flips.flipBlocks(List.of(7L, 99L), 2)).containsExactly(7L);

        assertThat(values(first, 7, 7, 8, 7))
                .containsExactly(
                        OptionalLong.of(3),
                        OptionalLong.empty(),
                        OptionalLong.of(5),
                        OptionalLong.of(4));
        assertThat(values(second, 7, 6)).containsExactly(OptionalLong.empty(), OptionalLong.of(20));
        assertThat(flips).hasToString("2 bits in .blob and 0 in .sst files");
    }

    @Test
    void filesThatAreStillThereAreAsTheyWereAfterwards() throws IOException {
        Path kept = write("1.blob", content(7, 9), content(8, 9));
        Path table = write("2.sst", content(9, 9));
        Path other = write("CURRENT", content(9, 9));
        byte[] keptBytes = Files.readAllBytes(kept);
        byte[] otherBytes = Files.readAllBytes(other);

        StoreFlips flips = new StoreFlips(folder, new Random(2));
        flips.flipBlocks(List.of(7L, 8L), 1);
        flips.flipAnywhere(200);
        assertThat(Files.readAllBytes(kept)).isNotEqualTo(keptBytes);
        assertThat(Files.readAllBytes(other)).isEqualTo(otherBytes);
        Files.delete(table);
        flips.undo();

        assertThat(Files.readAllBytes(kept)).isEqualTo(keptBytes);
        assertThat(table).doesNotExist();
    }

    private Path write(String name, byte[]... contents) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] content : contents) {
            out.write(new byte[GAP_BYTES]);
            out.write(content);
        }
        return Files.write(folder.resolve(name), out.toByteArray());
    }

    private static byte[] content(long block, long value) {
        ByteBuf content = RegisterValue.encode(block, value);
        byte[] bytes = new byte[Block.BYTES];
        content.readBytes(bytes).release();
        return bytes;
    }

    /** What a file holds of {@code blocks}, in its order; empty if it is not intact. */
    private static List<OptionalLong> values(Path file, long... blocks) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        return IntStream.range(0, blocks.length)
                .mapToObj(
                        i -> {
                            int from = GAP_BYTES + i * (GAP_BYTES + Block.BYTES);
                            return RegisterValue.decode(
                                    blocks[i],
                                    Unpooled.wrappedBuffer(
                                            Arrays.copyOfRange(bytes, from, from + Block.BYTES)));
                        })
                .toList();
    }
}
