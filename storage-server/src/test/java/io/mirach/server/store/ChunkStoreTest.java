package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChunkStoreTest {
    private static final UUID GROUP = new UUID(1, 2);
    private static final UUID OTHER_GROUP = new UUID(1, 3);
    private static final int MIB_OF_BLOCKS = 256;

    @TempDir Path dir;
    private StoreMemory memory;
    private ChunkStores stores;
    private ChunkStore store;
    private long nextIndex;

    @BeforeEach
    void open() {
        memory = new StoreMemory(StoreConfigs.unflushed());
        openStores();
    }

    private void openStores() {
        stores = ChunkStores.open(dir, memory);
        store = stores.chunkStore(GROUP);
        nextIndex = store.appliedPosition().index() + 1;
    }

    @AfterEach
    void close() {
        stores.close();
        memory.close();
    }

    @Test
    void keysAndValuesAreGolden() {
        VolumeId volume = new VolumeId(11);
        LayerId layer = new LayerId(100);
        WriteWindow window = new WriteWindow();
        window.record(new WriteIdentity(volume, new Epoch(5), new Slot(3), 1, 1, layer));
        ExtentRecord extent = ExtentRecord.empty(16);
        extent.setPresent(1, 77);
        extent.setZero(2, 78);
        ByteBuf data = Unpooled.wrappedBuffer(new byte[4096]);
        try (ChunkBatch batch = store.begin()) {
            batch.putBlock(layer, 257, 0x01020304, data, 0);
            batch.putDamagedBlock(layer, 258, 0x01020304, data, 0);
            batch.putZeroMarker(layer, 259);
            batch.putVolume(new VolumeRecord(volume, layer, 65536, 1 << 20, 5));
            batch.putLayer(new LayerRecord(layer, volume, Optional.of(new LayerId(99)), true));
            batch.putSnapshot(new SnapshotRecord(volume, 8, layer));
            batch.putAdmission(
                    new AdmissionRecord(
                            volume,
                            3,
                            List.of(new Epoch(6), new Epoch(5), new Epoch(6)),
                            List.of(new Epoch(7))));
            batch.putWindow(volume, new Epoch(5), new Slot(3), window);
            batch.putExtent(layer, 16, extent);
            batch.commit(new LogPosition(4, 79));
        }
        store.checkpoint();
        stores.close();

        String zeroes = "0".repeat(8192);
        assertThat(StoreDump.of(dir, GROUP))
                .isEqualTo(
                        Map.of(
                                "00000000000000640000000000000101",
                                "01" + "01020304" + zeroes,
                                "00000000000000640000000000000102",
                                "03" + "01020304" + zeroes,
                                "00000000000000640000000000000103",
                                "02",
                                "000000000000000001",
                                "01" + "0000000000000004" + "000000000000004f",
                                "000000000000000002" + "000000000000000b",
                                "01"
                                        + "0000000000000064"
                                        + "00010000"
                                        + "0000000000100000"
                                        + "0000000000000005",
                                "000000000000000003" + "0000000000000064",
                                "01" + "000000000000000b" + "0000000000000063" + "01",
                                "000000000000000004" + "000000000000000b" + "0000000000000008",
                                "01" + "0000000000000064",
                                "000000000000000005" + "000000000000000b",
                                "01"
                                        + "0000000000000003"
                                        + "00000002"
                                        + "0000000000000005"
                                        + "0000000000000006"
                                        + "00000001"
                                        + "0000000000000007",
                                "000000000000000006"
                                        + "000000000000000b"
                                        + "0000000000000005"
                                        + "03",
                                "01" + "0000000000000001" + "03010100",
                                "000000000000000007" + "0000000000000064" + "0000000000000010",
                                "01" + "000000000000004e" + "03010100" + "03010200"));
    }

    @Test
    void crashLeavesTheStateOfTheCheckpoint() {
        LayerId layer = new LayerId(1);
        write(layer, 0, 10);
        LogPosition checkpoint = store.checkpoint();
        assertThat(checkpoint).isEqualTo(store.appliedPosition());
        assertThat(store.bytesSinceCheckpoint()).isZero();
        write(layer, 10, 10);
        assertThat(store.bytesSinceCheckpoint()).isGreaterThan(10 * 4096);
        assertThat(store.durablePosition()).isEqualTo(checkpoint);

        stores.close();
        openStores();

        assertThat(store.appliedPosition()).isEqualTo(checkpoint);
        assertThat(store.durablePosition()).isEqualTo(checkpoint);
        BlocksRead read = store.read(List.of(layer), 1024, 0, 20, ByteBufAllocator.DEFAULT);
        assertThat(read.present()).containsExactly(0x3ff);
        read.data().release();
    }

    @Test
    void batchWithoutCommitChangesNothing() {
        LayerId layer = new LayerId(1);
        ByteBuf data = Unpooled.wrappedBuffer(new byte[4096]);
        try (ChunkBatch batch = store.begin()) {
            batch.putBlock(layer, 1, 0, data, 0);
        }
        try (ChunkBatch batch = store.begin()) {
            batch.commit(position());
        }
        BlocksRead read = store.read(List.of(layer), 1024, 0, 20, ByteBufAllocator.DEFAULT);
        assertThat(read.present()).containsExactly(0);
    }

    @Test
    void useAfterCloseIsAnErrorAndNoCrash() {
        store.close();
        store.close();
        assertThatThrownBy(store::begin).isInstanceOf(StoreException.class);
        assertThatThrownBy(store::checkpoint).isInstanceOf(StoreException.class);
        assertThatThrownBy(
                        () ->
                                store.read(
                                        List.of(new LayerId(1)),
                                        1024,
                                        0,
                                        1,
                                        ByteBufAllocator.DEFAULT))
                .isInstanceOf(StoreException.class);
        stores.close();
        assertThatThrownBy(() -> stores.chunkStore(GROUP)).isInstanceOf(StoreException.class);
    }

    @Test
    void droppedGroupGivesItsSpaceBack() {
        ChunkStore other = stores.chunkStore(OTHER_GROUP);
        for (int i = 0; i < 16; i++) {
            write(new LayerId(1), i * MIB_OF_BLOCKS, MIB_OF_BLOCKS);
        }
        store.checkpoint();
        assertThat(diskBytes()).isGreaterThan(16L << 20);
        assertThatThrownBy(() -> stores.drop(GROUP)).isInstanceOf(StoreException.class);
        store.close();
        stores.drop(GROUP);
        awaitDiskBytesBelow(2L << 20);
        assertThat(stores.chunkGroups()).containsExactly(OTHER_GROUP);
        assertThat(other.appliedPosition()).isEqualTo(LogPosition.NONE);
    }

    @Test
    void deletedLayerGivesItsSpaceBackWhileAnotherOfTheSameFilesStays() {
        LayerId deleted = new LayerId(1);
        LayerId kept = new LayerId(2);
        for (int i = 0; i < 48; i++) {
            write(deleted, i * MIB_OF_BLOCKS, MIB_OF_BLOCKS);
            if (i % 8 == 0) {
                write(kept, i * MIB_OF_BLOCKS, MIB_OF_BLOCKS);
            }
        }
        store.checkpoint();
        assertThat(diskBytes()).isGreaterThan(54L << 20);
        delete(deleted);
        awaitDiskBytesBelow(10L << 20);
        requireIntact(kept, 40 * MIB_OF_BLOCKS);
        BlocksRead gone = store.read(List.of(deleted), 4096, 0, 256, ByteBufAllocator.DEFAULT);
        assertThat(gone.present()).containsOnly(0);
    }

    @Test
    void spaceIsFreedAfterTheNextStartIfTheProcessEndedBefore() {
        LayerId deleted = new LayerId(1);
        for (int i = 0; i < 32; i++) {
            write(deleted, i * MIB_OF_BLOCKS, MIB_OF_BLOCKS);
        }
        delete(deleted);
        store.checkpoint();
        stores.close();
        openStores();
        awaitDiskBytesBelow(4L << 20);
    }

    @Test
    void overwritingDoesNotFillTheDisk() {
        LayerId layer = new LayerId(1);
        for (int round = 0; round < 12; round++) {
            for (int i = 0; i < 8; i++) {
                write(layer, i * MIB_OF_BLOCKS, MIB_OF_BLOCKS);
            }
            store.checkpoint();
        }
        awaitDiskBytesBelow(48L << 20);
        requireIntact(layer, 7 * MIB_OF_BLOCKS);
    }

    private LogPosition position() {
        return new LogPosition(1, nextIndex++);
    }

    private void write(LayerId layer, long firstBlock, int count) {
        byte[] bytes = new byte[4096];
        try (ChunkBatch batch = store.begin()) {
            for (int i = 0; i < count; i++) {
                new Random(firstBlock + i).nextBytes(bytes);
                ByteBuf data = Unpooled.wrappedBuffer(bytes);
                batch.putBlock(layer, firstBlock + i, Checksum.of(data, 0, 4096), data, 0);
            }
            batch.commit(position());
        }
    }

    private void delete(LayerId layer) {
        try (ChunkBatch batch = store.begin()) {
            batch.deleteLayer(layer);
            batch.commit(position());
        }
    }

    private void requireIntact(LayerId layer, long firstBlock) {
        BlocksRead read =
                store.read(
                        List.of(layer), 4096, firstBlock, MIB_OF_BLOCKS, ByteBufAllocator.DEFAULT);
        byte[] expected = new byte[4096];
        byte[] actual = new byte[4096];
        try {
            assertThat(read.present()).containsOnly(-1L);
            for (int i = 0; i < MIB_OF_BLOCKS; i++) {
                new Random(firstBlock + i).nextBytes(expected);
                read.data().readBytes(actual);
                assertThat(actual).isEqualTo(expected);
            }
        } finally {
            read.data().release();
        }
    }

    private void awaitDiskBytesBelow(long limit) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertThat(diskBytes()).isLessThan(limit));
    }

    private long diskBytes() {
        try (Stream<Path> files = Files.walk(dir)) {
            return files.mapToLong(ChunkStoreTest::sizeOf).sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (UncheckedIOException e) {
            // A file went while the folder was read.
            return Long.MAX_VALUE;
        }
    }

    private static long sizeOf(Path file) {
        try {
            return Files.isRegularFile(file) ? Files.size(file) : 0;
        } catch (NoSuchFileException e) {
            return 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
