package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.raft.LogPosition;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetaStoreTest {
    private static final UUID GROUP = new UUID(1, 2);

    @TempDir Path dir;
    private StoreMemory memory;
    private ChunkStores stores;
    private MetaStore meta;

    @BeforeEach
    void open() {
        // What close leaves is what a killed process leaves.
        memory = new StoreMemory(StoreConfigs.unflushed());
        stores = ChunkStores.open(dir, memory);
        meta = stores.metaStore(GROUP);
    }

    @AfterEach
    void close() {
        stores.close();
        memory.close();
    }

    private void reopen() {
        close();
        open();
    }

    @Test
    void newStoreIsEmptyAtNoPosition() {
        assertThat(content()).isEmpty();
        assertThat(meta.appliedPosition()).isEqualTo(LogPosition.NONE);
        assertThat(meta.durablePosition()).isEqualTo(LogPosition.NONE);
        assertThat(meta.bytesSinceCheckpoint()).isZero();
    }

    @Test
    void scanGivesKeysInOrderAndDeletesAreGone() {
        meta.commit(
                Map.of("b", bytes("2"), "a", bytes("1"), "ü", bytes("3"), "", bytes("0")),
                List.of(),
                new LogPosition(1, 0));
        meta.commit(Map.of("a", bytes("1b")), List.of("b", "nothing"), new LogPosition(1, 1));

        assertThat(content())
                .containsExactly(Map.entry("", "0"), Map.entry("a", "1b"), Map.entry("ü", "3"));
        assertThat(meta.appliedPosition()).isEqualTo(new LogPosition(1, 1));
        assertThat(meta.durablePosition()).isEqualTo(LogPosition.NONE);
        assertThat(meta.bytesSinceCheckpoint()).isPositive();
    }

    @Test
    void crashLeavesTheStateOfTheCheckpointWithItsPosition() {
        meta.commit(Map.of("a", bytes("1"), "b", bytes("1")), List.of(), new LogPosition(1, 4));
        assertThat(meta.checkpoint()).isEqualTo(new LogPosition(1, 4));
        assertThat(meta.bytesSinceCheckpoint()).isZero();
        meta.commit(Map.of("a", bytes("2")), List.of("b"), new LogPosition(2, 5));

        reopen();

        assertThat(content()).containsExactly(Map.entry("a", "1"), Map.entry("b", "1"));
        assertThat(meta.appliedPosition()).isEqualTo(new LogPosition(1, 4));
        assertThat(meta.durablePosition()).isEqualTo(new LogPosition(1, 4));
    }

    @Test
    void groupsAreKeptFromTheirCreationOnAndGoneAfterDrop() {
        reopen();
        assertThat(stores.metaGroups()).containsExactly(GROUP);
        assertThatThrownBy(() -> stores.drop(GROUP)).isInstanceOf(StoreException.class);

        meta.close();
        stores.drop(GROUP);
        stores.drop(GROUP);
        assertThat(stores.metaGroups()).isEmpty();
        stores.close();
        stores = ChunkStores.open(dir, memory);
        assertThat(stores.metaGroups()).isEmpty();
    }

    @Test
    void storeOpensAgainAfterItsOwnClose() {
        meta.commit(Map.of("a", bytes("1")), List.of(), new LogPosition(1, 0));
        assertThatThrownBy(() -> stores.metaStore(GROUP)).isInstanceOf(StoreException.class);
        meta.close();
        assertThatThrownBy(this::content).isInstanceOf(StoreException.class);
        meta = stores.metaStore(GROUP);
        assertThat(content()).containsExactly(Map.entry("a", "1"));
    }

    @Test
    void commitBehindThePositionIsRefused() {
        meta.commit(Map.of(), List.of(), new LogPosition(2, 7));
        assertThatThrownBy(() -> meta.commit(Map.of(), List.of(), new LogPosition(2, 7)))
                .isInstanceOf(StoreException.class);
        assertThatThrownBy(() -> meta.commit(Map.of(), List.of(), new LogPosition(1, 8)))
                .isInstanceOf(StoreException.class);
    }

    private Map<String, String> content() {
        Map<String, String> content = new LinkedHashMap<>();
        meta.scanAll((key, value) -> content.put(key, new String(value, StandardCharsets.UTF_8)));
        return content;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
