package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.LayerId;
import io.mirach.protocol.Checksum;
import io.mirach.raft.LogPosition;
import io.mirach.server.store.GarbageCollection.Effort;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.Random;
import java.util.UUID;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GarbageCollectionTest {
    private static final LayerId LAYER = new LayerId(1);
    private static final int BLOCKS = 16 * 256;
    private static final int BLOCKS_PER_CHECKPOINT = 512;
    private static final long PLENTY = 1L << 40;

    @TempDir Path dir;
    private volatile long usableBytes = PLENTY;
    private final Random random = new Random(5);
    private StoreMemory memory;
    private ChunkStores stores;
    private ChunkStore store;

    @BeforeEach
    void open() {
        memory = new StoreMemory(StoreConfigs.unflushed());
        openStores();
    }

    private void openStores() {
        stores = StoreConfigs.onDisk(dir, memory, () -> usableBytes);
        store = stores.chunkStore(new UUID(1, 2));
    }

    @AfterEach
    void close() {
        stores.close();
        memory.close();
    }

    @Test
    void overwritingInOrderMovesNothing() {
        for (int round = 0; round < 6; round++) {
            overwriteAllInOrder();
            assertThat(store.garbageEffort()).isEqualTo(Effort.NONE);
        }
    }

    @Test
    void scatteredGarbageIsCollectedUntilThereIsLittle() {
        overwriteAllInOrder();
        assertThat(store.garbageEffort()).isEqualTo(Effort.NONE);
        overwriteUntil(Effort.USUAL);
        overwriteUntil(Effort.NONE);
    }

    @Test
    void nothingIsCollectedWhileItIsHeld() {
        overwriteUntil(Effort.USUAL);
        store.holdGarbageCollection(true);
        assertThat(store.garbageEffort()).isEqualTo(Effort.NONE);
        store.checkpoint();
        assertThat(store.garbageEffort()).isEqualTo(Effort.NONE);
        store.holdGarbageCollection(false);
        assertThat(store.garbageEffort()).isEqualTo(Effort.USUAL);
    }

    @Test
    void scarceRoomIsWorthMoreWork() {
        overwriteAllInOrder();
        usableBytes = StoreConfigs.SCARCE;
        stores.close();
        openStores();
        overwriteUntil(Effort.PRESSING);
    }

    @Test
    void storeOpenedAgainBeginsWithoutCollecting() {
        overwriteUntil(Effort.USUAL);
        store.close();
        store = stores.chunkStore(new UUID(1, 2));
        assertThat(store.garbageEffort()).isEqualTo(Effort.NONE);
    }

    /** Overwrites scattered blocks, so that hardly a blob file dies as a whole. */
    private void overwriteUntil(Effort effort) {
        for (int step = 0; store.garbageEffort() != effort; step++) {
            assertThat(step).as("steps until " + effort).isLessThan(800);
            overwrite(0, block -> random.nextInt(BLOCKS));
        }
    }

    private void overwriteAllInOrder() {
        for (int first = 0; first < BLOCKS; first += BLOCKS_PER_CHECKPOINT) {
            overwrite(first, block -> block);
        }
    }

    private void overwrite(int first, LongUnaryOperator blockOf) {
        byte[] bytes = new byte[4096];
        try (ChunkBatch batch = store.begin()) {
            for (int i = first; i < first + BLOCKS_PER_CHECKPOINT; i++) {
                random.nextBytes(bytes);
                ByteBuf data = Unpooled.wrappedBuffer(bytes);
                batch.putBlock(LAYER, blockOf.applyAsLong(i), Checksum.of(data, 0, 4096), data, 0);
            }
            batch.commit(new LogPosition(1, store.appliedPosition().index() + 1));
        }
        store.checkpoint();
    }
}
