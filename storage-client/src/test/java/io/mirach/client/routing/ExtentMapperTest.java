package io.mirach.client.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.client.routing.ExtentMapper.Part;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ExtentMapperTest {
    private static final int MIB = 1 << 20;

    @Test
    void partsAreCutAtMebibytesAndExtents() {
        assertThat(new ExtentMapper(4 * MIB).parts(4L * MIB - 5000, MIB + 6000))
                .containsExactly(
                        new Part(0, 4L * MIB - 5000, 5000),
                        new Part(1, 4L * MIB, MIB),
                        new Part(1, 5L * MIB, 1000));
        assertThat(new ExtentMapper(64 << 10).parts(0, 128 << 10))
                .containsExactly(new Part(0, 0, 64 << 10), new Part(1, 64 << 10, 64 << 10));
    }

    @Test
    void partsWithoutPayloadAreWholeExtents() {
        ExtentMapper mapper = new ExtentMapper(16 * MIB);
        assertThat(mapper.firstExtentPart(5, 1L << 40)).isEqualTo(new Part(0, 5, 16 * MIB - 5));
        assertThat(mapper.firstExtentPart(16L * MIB, 1L << 40))
                .isEqualTo(new Part(1, 16L * MIB, 16 * MIB));
    }

    @Test
    void slotsRepeatEverySixtyFourExtents() {
        ExtentMapper mapper = new ExtentMapper(MIB);
        assertThat(mapper.firstPart(63L * MIB, 64L * MIB).slot().index()).isEqualTo(63);
        assertThat(mapper.firstPart(64L * MIB, 65L * MIB).slot().index()).isZero();
    }

    @Test
    void anyRangeIsCoveredOnceWithoutSharingABlock() {
        long seed = 5;
        Random random = new Random(seed);
        for (int i = 0; i < 5000; i++) {
            ExtentMapper mapper = new ExtentMapper((64 << 10) << random.nextInt(9));
            long offset = random.nextLong(1L << 50);
            int length = 1 + random.nextInt(32 * MIB);
            List<Part> parts = mapper.parts(offset, length);
            assertThat(mapper.partCount(offset, length))
                    .as("seed %d", seed)
                    .isEqualTo(parts.size());
            long at = offset;
            for (Part part : parts) {
                assertThat(part.offsetBytes()).isEqualTo(at);
                assertThat(part.offsetBytes() / mapper.extentBytes())
                        .isEqualTo(part.extentIndex())
                        .isEqualTo((part.endBytes() - 1) / mapper.extentBytes());
                assertThat(part.lengthBytes()).isBetween(1, MIB);
                assertThat(BlockRange.covering(at, part.lengthBytes()).blockCount())
                        .isLessThanOrEqualTo(256);
                at = part.endBytes();
                assertThat(at == offset + length || Block.isAligned(at)).isTrue();
            }
            assertThat(at).isEqualTo(offset + length);
        }
    }

    @Test
    void emptyAndNegativeRangesAreRefused() {
        ExtentMapper mapper = new ExtentMapper(MIB);
        assertThatThrownBy(() -> mapper.firstPart(5, 5))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> mapper.firstPart(-1, 5))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ExtentMapper(3)).isInstanceOf(IllegalArgumentException.class);
    }
}
