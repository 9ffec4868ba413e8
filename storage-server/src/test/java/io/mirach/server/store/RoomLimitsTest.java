package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RoomLimitsTest {
    private static final long MIB = 1 << 20;
    private static final long WRITE_BUFFERS = 128 * MIB;

    private static RoomLimits of(long totalMiB) {
        return RoomLimits.of(totalMiB * MIB, WRITE_BUFFERS);
    }

    @Test
    void twentiethOfALargeDiskIsKeptBack() {
        assertThat(of(1 << 20))
                .isEqualTo(
                        new RoomLimits(
                                (1L << 40) / 20, (1L << 40) / 20 + 512 * MIB, (1L << 40) / 10));
    }

    @Test
    void writeBuffersFitIntoTheReserveOfAMiddlingDisk() {
        assertThat(of(2000)).isEqualTo(new RoomLimits(256 * MIB, 320 * MIB, 448 * MIB));
    }

    @Test
    void halfOfASmallDiskCanBeUsed() {
        RoomLimits limits = of(400);
        assertThat(limits.reserveBytes()).isEqualTo(200 * MIB);
        assertThat(limits.judge(200 * MIB, false)).isEqualTo(Room.SCARCE);
    }

    @Test
    void roomIsLowUntilThereIsSomeMoreThanTheReserve() {
        RoomLimits limits = new RoomLimits(100, 110, 150);
        assertThat(limits.judge(150, false)).isEqualTo(Room.AMPLE);
        assertThat(limits.judge(149, false)).isEqualTo(Room.SCARCE);
        assertThat(limits.judge(100, false)).isEqualTo(Room.SCARCE);
        assertThat(limits.judge(99, false)).isEqualTo(Room.LOW);
        assertThat(limits.judge(109, true)).isEqualTo(Room.LOW);
        assertThat(limits.judge(110, true)).isEqualTo(Room.SCARCE);
        assertThat(limits.judge(150, true)).isEqualTo(Room.AMPLE);
    }
}
