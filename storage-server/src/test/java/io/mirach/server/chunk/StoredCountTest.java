package io.mirach.server.chunk;

import static io.mirach.server.chunk.Commands.EPOCH;
import static io.mirach.server.chunk.Commands.EXTENT_BYTES;
import static io.mirach.server.chunk.Commands.HEAD;
import static io.mirach.server.chunk.Commands.VOLUME;
import static io.mirach.server.chunk.Commands.filled;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.server.store.StoreConfigs;
import io.netty.buffer.ByteBuf;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredCountTest {
    private static final VolumeId OTHER = new VolumeId(12);

    @TempDir Path dir;
    private Replica replica;

    @BeforeEach
    void open() {
        replica = new Replica(dir, StoreConfigs.unflushed());
        apply(
                Commands.open(VOLUME, HEAD),
                Commands.admit(VOLUME, 1, EPOCH),
                Commands.open(OTHER, new LayerId(101)));
    }

    @AfterEach
    void close() {
        replica.close();
    }

    private void apply(ByteBuf... commands) {
        assertThat(replica.apply(commands)).allMatch(reply -> reply.code() == ErrorCode.OK);
    }

    /** Counts in steps of one extent, the most ways in which a count can be interrupted. */
    private Map<VolumeId, Long> count() {
        StoredCount count = replica.machine.countStored();
        for (int steps = 1; !count.step(1); steps++) {
            assertThat(steps).as("steps").isLessThan(100);
        }
        return count.bytes();
    }

    private void assertStored(long bytes) {
        assertThat(count()).isEqualTo(Map.of(VOLUME, bytes, OTHER, 0L));
    }

    @Test
    void aVolumeStoresNothingAtFirst() {
        assertStored(0);
    }

    @Test
    void eachBlockWithAValueCountsOnce() {
        apply(Commands.write(0, 1, filled(3 * 4096, 1)));
        apply(Commands.write(4096, 2, filled(2 * 4096, 2)));
        apply(Commands.write(5L * EXTENT_BYTES, 1, filled(4096, 3)));
        // Unaligned: two blocks are touched.
        apply(Commands.write(9L * EXTENT_BYTES + 100, 1, filled(4096, 4)));
        assertStored(6 * 4096);
    }

    @Test
    void zeroesAreNotStored() {
        apply(Commands.write(0, 1, filled(8 * 4096, 1)));
        apply(Commands.zero(4096, 2, 4 * 4096));
        assertStored(4 * 4096);
        apply(Commands.write(4096, 3, filled(4096, 0)));
        assertStored(4 * 4096);
    }

    @Test
    void olderLayersOfAVolumeCountToo() {
        LayerId newHead = new LayerId(200);
        apply(Commands.write(0, 1, filled(2 * 4096, 1)), Commands.seal(HEAD, newHead, 1));
        apply(Commands.write(Commands.identity(0, 2, 1, newHead), 0, filled(4096, 2), false));
        // A marker over an older block takes no room.
        apply(Commands.zero(Commands.identity(4096, 3, 1, newHead), 4096, 4096));
        assertStored(3 * 4096);
    }

    @Test
    void aCountIsTheSameAfterACrash() {
        apply(Commands.write(0, 1, filled(8 * 4096, 1)));
        apply(Commands.write(3L * EXTENT_BYTES, 1, filled(4096, 1)));
        replica.restart();
        assertStored(9 * 4096);
    }

    @Test
    void aDeletedVolumeIsNotCounted() {
        apply(Commands.write(0, 1, filled(8 * 4096, 1)));
        apply(Commands.drop(VOLUME));
        assertThat(count()).isEqualTo(Map.of(OTHER, 0L));
    }
}
