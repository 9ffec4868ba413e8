package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.LayerId;
import io.mirach.protocol.Checksum;
import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store on a disk of 128 MiB, as its files' sizes say, of which a quarter is kept back. */
class FullDiskTest {
    private static final long DISK_BYTES = 128 << 20;
    private static final LayerId LAYER = new LayerId(1);
    private static final int BATCH = 512;

    @TempDir Path dir;
    private final AtomicLong leastUsableBytes = new AtomicLong(DISK_BYTES);
    private StoreMemory memory;
    private ChunkStores stores;
    private ChunkStore store;

    @BeforeEach
    void open() {
        memory = new StoreMemory(StoreConfigs.unflushed());
        stores = StoreConfigs.onDisk(dir, memory, this::usableBytes);
        store = stores.chunkStore(new UUID(1, 2));
    }

    @AfterEach
    void close() {
        stores.close();
        memory.close();
    }

    @Test
    void discardedBlocksGiveTheirSpaceBackThoughNobodyWrites() {
        long blocks = writeUntilLow();
        discard(0, blocks / 2, 1);
        awaitRoom();
        requireIntact(blocks / 2, blocks, 1);
    }

    @Test
    void garbageBetweenLiveBlocksIsRewrittenBitByBitInTheRoomThereIs() {
        long blocks = writeUntilLow();
        leastUsableBytes.set(DISK_BYTES);
        discard(0, blocks, 2);
        awaitRoom();
        requireIntact(1, blocks, 2);
        assertThat(leastUsableBytes.get()).isPositive();
    }

    private long writeUntilLow() {
        byte[] bytes = new byte[4096];
        long block = 0;
        while (!store.isSpaceLow()) {
            assertThat(block * 4096).as("bytes written").isLessThan(DISK_BYTES);
            try (ChunkBatch batch = store.begin()) {
                for (int i = 0; i < BATCH; i++) {
                    new Random(block).nextBytes(bytes);
                    ByteBuf data = Unpooled.wrappedBuffer(bytes);
                    batch.putBlock(LAYER, block, Checksum.of(data, 0, 4096), data, 0);
                    block++;
                }
                commit(batch);
            }
            store.checkpoint();
        }
        return block;
    }

    private void discard(long firstBlock, long endBlock, int step) {
        try (ChunkBatch batch = store.begin()) {
            for (long block = firstBlock; block < endBlock; block += step) {
                batch.deleteBlock(LAYER, block);
            }
            commit(batch);
        }
    }

    private void commit(ChunkBatch batch) {
        batch.commit(new LogPosition(1, store.appliedPosition().index() + 1));
    }

    private void awaitRoom() {
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> !store.isSpaceLow());
    }

    private void requireIntact(long firstBlock, long endBlock, int step) {
        byte[] expected = new byte[4096];
        for (long block = firstBlock; block < endBlock; block += step) {
            new Random(block).nextBytes(expected);
            ByteBuf read =
                    store.read(List.of(LAYER), 1 << 20, block, 1, ByteBufAllocator.DEFAULT).data();
            assertThat(read).isEqualTo(Unpooled.wrappedBuffer(expected));
            read.release();
        }
    }

    private long usableBytes() {
        long usable = DISK_BYTES - diskBytes();
        leastUsableBytes.accumulateAndGet(usable, Math::min);
        return usable;
    }

    private long diskBytes() {
        try (Stream<Path> files = Files.list(dir)) {
            return files.mapToLong(file -> file.toFile().length()).sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
