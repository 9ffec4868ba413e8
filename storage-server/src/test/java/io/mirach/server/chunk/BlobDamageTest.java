package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Block;
import io.mirach.server.store.BlockCopy;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StateDigests;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StoreConfigs;
import io.mirach.server.store.StoreTampering;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bit of a block flips in the file where RocksDB keeps it. */
class BlobDamageTest {
    private static final int BLOCKS = 64;
    private static final int DAMAGED = 20;

    @TempDir Path folder;
    private Replica whole;
    private Replica replica;

    @BeforeEach
    void damage() throws IOException {
        whole = new Replica(folder.resolve("whole"), StoreConfigs.flushed());
        replica = new Replica(folder.resolve("replica"), StoreConfigs.flushed());
        whole.apply(
                Commands.open(Commands.VOLUME, Commands.HEAD),
                Commands.admit(Commands.VOLUME, 1, Commands.EPOCH));
        for (int block = 0; block < BLOCKS; block++) {
            whole.apply(
                    Commands.write(
                            (long) block * Block.BYTES,
                            block + 1,
                            Commands.filled(Block.BYTES, block + 1)));
        }
        replica.follow(whole);
        replica.closeStores();
        StoreTampering.flipABit(replica.dir, (byte) (DAMAGED + 1));
        replica.openStores();
    }

    @AfterEach
    void close() {
        replica.close();
        whole.close();
    }

    private void read(long block) {
        replica.machine
                .store()
                .read(
                        List.of(Commands.HEAD),
                        Commands.BLOCKS_PER_EXTENT,
                        block,
                        1,
                        ByteBufAllocator.DEFAULT)
                .data()
                .release();
    }

    @Test
    void readIsRefusedAndItsNeighboursAreNot() {
        assertThatThrownBy(() -> read(DAMAGED)).isInstanceOf(DamagedBlockException.class);
        read(DAMAGED - 1);
        read(DAMAGED + 1);
    }

    @Test
    void patchIsAppliedAndMarksIt() {
        whole.apply(Commands.write(DAMAGED * Block.BYTES + 100, 1000, Commands.filled(50, 9)));
        replica.follow(whole);
        assertThat(replica.damage.blocks).hasSize(1);
        assertThatThrownBy(() -> read(DAMAGED))
                .isInstanceOf(DamagedBlockException.class)
                .hasMessageContaining("marked as damaged");
    }

    @Test
    void exportTellsOfItAndHasAllElse() {
        List<Long> damaged = new ArrayList<>();
        try (StateExport state = replica.machine.export()) {
            StateDigests.read(state, found -> damaged.add(found.block()));
            assertThatThrownBy(() -> StateDigests.of(state))
                    .isInstanceOf(DamagedBlockException.class);
        }
        assertThat(damaged).containsExactly((long) DAMAGED);
    }

    @Test
    void noCopyIsMadeOfIt() {
        assertThatThrownBy(() -> replica.machine.copy(Commands.HEAD, DAMAGED))
                .isInstanceOf(DamagedBlockException.class);
        assertThat(replica.machine.copy(Commands.HEAD, DAMAGED + 1)).isPresent();
    }

    @Test
    void compactionThatMovesBlocksFailsUntilItIsRepaired() {
        replica.closeStores();
        assertThatThrownBy(() -> StoreTampering.moveAllBlocks(replica.dir, Replica.GROUP))
                .hasStackTraceContaining("CRC mismatch");
        replica.openStores();
        BlockCopy copy = whole.machine.copy(Commands.HEAD, DAMAGED).orElseThrow();
        assertThat(replica.machine.repair(copy).join()).isEqualTo(Repair.DONE);
        replica.machine.dropReplaced(Commands.HEAD, DAMAGED);
        read(DAMAGED);
        replica.closeStores();
        StoreTampering.moveAllBlocks(replica.dir, Replica.GROUP);
        replica.openStores();
        read(DAMAGED);
    }
}
