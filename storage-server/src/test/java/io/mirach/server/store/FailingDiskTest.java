package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.LayerId;
import io.mirach.protocol.Checksum;
import io.mirach.raft.LogPosition;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that are taken away from under the store: for RocksDB an I/O error as any other. */
class FailingDiskTest {
    private static final UUID GROUP = new UUID(1, 2);
    private static final LayerId LAYER = new LayerId(1);

    @TempDir Path temp;
    private final List<String> failures = new CopyOnWriteArrayList<>();
    private final StoreMemory memory = new StoreMemory(StoreConfigs.unflushed());
    private ChunkStores stores;
    private ChunkStore store;

    @BeforeEach
    void open() {
        stores = ChunkStores.open(dir(), memory, (what, cause) -> failures.add(what));
        store = stores.chunkStore(GROUP);
        putBlock(1);
    }

    @AfterEach
    void close() {
        stores.close();
        memory.close();
    }

    private Path dir() {
        return temp.resolve("store");
    }

    @Test
    void flushThatFailsIsTold() throws IOException {
        Path elsewhere = temp.resolve("elsewhere");
        Files.move(dir(), elsewhere);
        try {
            assertThatThrownBy(store::checkpoint).isInstanceOf(StoreException.class);
            assertThat(failures).isNotEmpty();
        } finally {
            Files.move(elsewhere, dir());
        }
    }

    @Test
    void damageIsNoFailureOfTheDisk() throws IOException {
        reopenFromDisk();
        try (RandomAccessFile file = new RandomAccessFile(blobFile().toFile(), "rw")) {
            file.seek(2000);
            file.write(new byte[100]);
        }
        assertThatThrownBy(this::readBlock).isInstanceOf(DamagedBlockException.class);
        assertThat(failures).isEmpty();
    }

    private void reopenFromDisk() {
        store.checkpoint();
        stores.close();
        stores = ChunkStores.open(dir(), memory, (what, cause) -> failures.add(what));
        store = stores.chunkStore(GROUP);
    }

    private Path blobFile() throws IOException {
        try (Stream<Path> files = Files.list(dir())) {
            return files.filter(file -> file.toString().endsWith(".blob")).findAny().orElseThrow();
        }
    }

    private void putBlock(long index) {
        byte[] bytes = new byte[4096];
        Arrays.fill(bytes, (byte) 7);
        ByteBuf data = Unpooled.wrappedBuffer(bytes);
        try (ChunkBatch batch = store.begin()) {
            batch.putBlock(LAYER, 0, Checksum.of(data, 0, 4096), data, 0);
            batch.commit(new LogPosition(1, index));
        }
    }

    private void readBlock() {
        store.read(List.of(LAYER), 256, 0, 1, ByteBufAllocator.DEFAULT).data().release();
    }
}
