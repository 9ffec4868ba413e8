package io.mirach.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.raft.LogPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The state of a group becomes another's. */
class HandOverTest {
    private static final UUID FROM = new UUID(1, 2);
    private static final UUID TO = new UUID(1, 3);
    private static final LayerId LAYER = new LayerId(7);
    private static final LogPosition POSITION = new LogPosition(4, 79);

    @TempDir Path dir;
    private StoreMemory memory;
    private ChunkStores stores;

    @BeforeEach
    void open() {
        memory = new StoreMemory(StoreConfigs.unflushed());
        stores = ChunkStores.open(dir, memory);
    }

    @AfterEach
    void close() {
        stores.close();
        memory.close();
    }

    private void reopen() {
        stores.close();
        stores = ChunkStores.open(dir, memory);
    }

    private void write(UUID group, long block, LogPosition position) {
        try (ChunkStore store = stores.chunkStore(group)) {
            try (ChunkBatch batch = store.begin()) {
                batch.putZeroMarker(LAYER, block);
                batch.commit(position);
            }
            store.checkpoint();
        }
    }

    private LogPosition positionOf(UUID group) {
        try (ChunkStore store = stores.chunkStore(group)) {
            return store.durablePosition();
        }
    }

    @Test
    void stateIsTheOthersFromThenOnAlsoAfterAStart() throws Exception {
        write(FROM, 1, POSITION);
        stores.handOver(FROM, TO);
        for (int start = 0; start < 2; start++) {
            assertThat(stores.chunkGroups()).containsExactly(TO);
            assertThat(stores.importedAt(TO)).isEqualTo(POSITION);
            assertThat(positionOf(TO)).isEqualTo(POSITION);
            stores.handOver(FROM, TO);
            reopen();
        }
        write(TO, 2, new LogPosition(5, 80));
        reopen();
        assertThat(positionOf(TO)).isEqualTo(new LogPosition(5, 80));
        assertThat(stores.importedAt(TO)).isEqualTo(POSITION);
    }

    /** The group that has gone on may have admitted others, and these no more. */
    @Test
    void nobodyIsAdmittedToWhatIsHandedOver() {
        VolumeId volume = new VolumeId(7);
        try (ChunkStore store = stores.chunkStore(FROM);
                ChunkBatch batch = store.begin()) {
            batch.putAdmission(
                    new AdmissionRecord(volume, 3, List.of(new Epoch(4)), List.of(new Epoch(5))));
            batch.commit(POSITION);
        }
        stores.handOver(FROM, TO);
        reopen();
        try (ChunkStore store = stores.chunkStore(TO)) {
            assertThat(store.tables().admissions())
                    .containsExactly(new AdmissionRecord(volume, 3, List.of(), List.of()));
        }
    }

    @Test
    void whatIsDroppedOrMadeOfTheOldGroupIsNotTheNewOnes() {
        write(FROM, 1, POSITION);
        stores.handOver(FROM, TO);
        stores.drop(FROM);
        stores.drop(FROM);
        assertThat(positionOf(TO)).isEqualTo(POSITION);
        assertThat(positionOf(FROM)).isEqualTo(LogPosition.NONE);
        write(FROM, 9, new LogPosition(1, 0));
        reopen();
        assertThat(positionOf(TO)).isEqualTo(POSITION);
        assertThat(positionOf(FROM)).isEqualTo(new LogPosition(1, 0));
        stores.drop(FROM);
        stores.drop(TO);
        reopen();
        assertThat(stores.chunkGroups()).isEmpty();
    }

    @Test
    void crashBeforeTheSwitchLeavesItWhereItWas() throws IOException {
        write(FROM, 1, POSITION);
        // A change that was being written.
        Files.writeString(dir.resolve("groups.json.draft"), "{");
        reopen();
        assertThat(stores.chunkGroups()).containsExactly(FROM);
        assertThat(positionOf(FROM)).isEqualTo(POSITION);
        stores.handOver(FROM, TO);
        assertThat(positionOf(TO)).isEqualTo(POSITION);
    }

    @Test
    void importThatWasUnderWayIsLeftBehind() {
        write(FROM, 1, POSITION);
        stores.importOf(FROM);
        stores.handOver(FROM, TO);
        assertThat(stores.importing()).isEmpty();
        stores.importOf(TO);
        reopen();
        assertThat(stores.importing()).containsExactly(TO);
        assertThat(positionOf(TO)).isEqualTo(POSITION);
        stores.discardImport(TO);
        reopen();
        assertThat(positionOf(TO)).isEqualTo(POSITION);
    }

    @Test
    void groupWithoutStateOrWithAnOpenStoreHandsNothingOver() {
        assertThatThrownBy(() -> stores.handOver(FROM, TO)).isInstanceOf(StoreException.class);
        ChunkStore open = stores.chunkStore(FROM);
        assertThatThrownBy(() -> stores.handOver(FROM, TO)).isInstanceOf(StoreException.class);
        open.close();
        assertThat(stores.chunkGroups()).containsExactly(FROM);
    }
}
