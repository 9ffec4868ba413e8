package io.mirach.server.chunk;

import static io.mirach.server.chunk.Commands.EPOCH;
import static io.mirach.server.chunk.Commands.EXTENT_BYTES;
import static io.mirach.server.chunk.Commands.HEAD;
import static io.mirach.server.chunk.Commands.SIZE_BYTES;
import static io.mirach.server.chunk.Commands.VOLUME;
import static io.mirach.server.chunk.Commands.filled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.Block;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.raft.LogPosition;
import io.mirach.server.store.BlocksRead;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StoreConfigs;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChunkStateMachineTest {
    private static final LayerId NEW_HEAD = new LayerId(200);

    @TempDir Path dir;
    private Replica replica;

    @BeforeEach
    void open() {
        replica = new Replica(dir, StoreConfigs.unflushed());
        assertThat(codes(Commands.open(VOLUME, HEAD), Commands.admit(VOLUME, 1, EPOCH)))
                .containsOnly(ErrorCode.OK);
    }

    @AfterEach
    void close() {
        replica.close();
    }

    @Test
    void writeToUnknownVolumeIsRefused() {
        WriteIdentity identity =
                new WriteIdentity(new VolumeId(99), EPOCH, new Slot(0), 1, 1, HEAD);
        assertThat(code(Commands.write(identity, 0, filled(4096, 1), false)))
                .isEqualTo(ErrorCode.NO_SUCH_VOLUME);
    }

    @Test
    void writeToSlotThatIsServedElsewhereIsSentAway() {
        VolumeId volume = new VolumeId(12);
        LayerId head = new LayerId(101);
        codes(Commands.open(volume, head, List.of(1, 3)), Commands.admit(volume, 1, EPOCH));
        WriteIdentity there = new WriteIdentity(volume, EPOCH, new Slot(0), 1, 1, head);
        WriteIdentity here = new WriteIdentity(volume, EPOCH, new Slot(3), 1, 1, head);
        assertThat(code(Commands.write(there, 0, filled(4096, 1), false)))
                .isEqualTo(ErrorCode.WRONG_PG);
        assertThat(code(Commands.write(here, 3 * EXTENT_BYTES, filled(4096, 1), false)))
                .isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(here, EXTENT_BYTES, filled(4096, 1), false)))
                .as("a duplicate, whatever it says now")
                .isEqualTo(ErrorCode.OK);
    }

    @Test
    void writeOfAnotherSlotThanItsOffsetIsRefused() {
        WriteIdentity identity = new WriteIdentity(VOLUME, EPOCH, new Slot(5), 1, 1, HEAD);
        assertThat(code(Commands.write(identity, 0, filled(4096, 1), false)))
                .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    }

    @Test
    void writeWithRevokedEpochIsFencedForEver() {
        assertThat(code(Commands.write(0, 1, filled(4096, 1)))).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.admit(VOLUME, 2, new Epoch(6)))).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(0, 2, filled(4096, 2)))).isEqualTo(ErrorCode.FENCED);
        assertThat(code(Commands.write(0, 1, filled(4096, 1))))
                .as("also a copy of what was applied")
                .isEqualTo(ErrorCode.FENCED);
        assertThat(code(Commands.admit(VOLUME, 1, EPOCH)))
                .as("an older admission that comes late")
                .isEqualTo(ErrorCode.STALE_MAP);
        replica.restart();
        assertThat(code(Commands.write(0, 3, filled(4096, 2)))).isEqualTo(ErrorCode.FENCED);
        assertThat(block(0)).isEqualTo(filled(4096, 1));
    }

    @Test
    void volumeWithoutAdmissionRefusesEveryEpoch() {
        VolumeId volume = new VolumeId(12);
        LayerId head = new LayerId(101);
        assertThat(code(Commands.open(volume, head))).isEqualTo(ErrorCode.OK);
        WriteIdentity identity = new WriteIdentity(volume, EPOCH, new Slot(0), 1, 1, head);
        assertThat(code(Commands.write(identity, 0, filled(4096, 1), false)))
                .isEqualTo(ErrorCode.FENCED);
    }

    @Test
    void readOnlyEpochReadsAndDoesNotWrite() {
        assertThat(code(Commands.admit(VOLUME, 2, List.of(), List.of(EPOCH))))
                .isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(0, 1, filled(4096, 1)))).isEqualTo(ErrorCode.READ_ONLY);
        VolumeState state = replica.machine.tables().volume(VOLUME).orElseThrow();
        assertThat(state.checkReader(EPOCH)).isEqualTo(ErrorCode.OK);
        assertThat(state.checkReader(new Epoch(6))).isEqualTo(ErrorCode.FENCED);
    }

    @Test
    void copyOfAnAppliedWriteIsAnsweredAsThenAndChangesNothing() {
        assertThat(
                        codes(
                                Commands.write(0, 1, filled(4096, 1)),
                                Commands.write(0, 2, filled(4096, 2)),
                                Commands.write(0, 1, filled(4096, 1))))
                .containsOnly(ErrorCode.OK);
        assertThat(block(0)).isEqualTo(filled(4096, 2));
        replica.restart();
        assertThat(code(Commands.write(0, 1, filled(4096, 1)))).isEqualTo(ErrorCode.OK);
        assertThat(block(0)).isEqualTo(filled(4096, 2));
    }

    @Test
    void copyFromBelowTheWindowIsStale() {
        codes(Commands.write(0, 1, filled(4096, 1)));
        ByteBuf later = Commands.write(Commands.identity(0, 3, 3, HEAD), 0, filled(4096, 3), false);
        assertThat(code(later)).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(0, 1, filled(4096, 1)))).isEqualTo(ErrorCode.STALE_SEQUENCE);
        assertThat(
                        code(
                                Commands.write(
                                        Commands.identity(0, 2, 1, HEAD),
                                        0,
                                        filled(4096, 2),
                                        false)))
                .isEqualTo(ErrorCode.STALE_SEQUENCE);
        assertThat(block(0)).isEqualTo(filled(4096, 3));
    }

    @Test
    void windowsOfSlotsAndEpochsAreApart() {
        assertThat(
                        codes(
                                Commands.admit(VOLUME, 2, EPOCH, new Epoch(6)),
                                Commands.write(0, 1, filled(4096, 1)),
                                Commands.write(EXTENT_BYTES, 1, filled(4096, 2)),
                                Commands.write(
                                        new WriteIdentity(
                                                VOLUME, new Epoch(6), new Slot(0), 1, 1, HEAD),
                                        0,
                                        filled(4096, 3),
                                        false)))
                .containsOnly(ErrorCode.OK);
        assertThat(block(0)).isEqualTo(filled(4096, 3));
        assertThat(block(EXTENT_BYTES / Block.BYTES)).isEqualTo(filled(4096, 2));
    }

    @Test
    void writeOutsideVolumeOrAcrossExtentsIsOutOfRange() {
        long last = SIZE_BYTES - 4096;
        assertThat(code(Commands.write(last, 1, filled(4096, 1)))).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(last, 2, filled(4097, 1))))
                .isEqualTo(ErrorCode.OUT_OF_RANGE);
        assertThat(code(Commands.write(EXTENT_BYTES - 1, 2, filled(2, 1))))
                .isEqualTo(ErrorCode.OUT_OF_RANGE);
        assertThat(code(Commands.zero(EXTENT_BYTES - 1, 2, 2))).isEqualTo(ErrorCode.OUT_OF_RANGE);
        assertThat(code(Commands.zero(0, 2, -1))).isEqualTo(ErrorCode.OUT_OF_RANGE);
        assertThat(code(Commands.write(0, 2, filled(4096, 1))))
                .as("a refused write leaves its sequence number free")
                .isEqualTo(ErrorCode.OK);
    }

    @Test
    void writeToSealedHeadIsStaleAndComesAgainWithTheSameSequence() {
        assertThat(codes(Commands.write(0, 1, filled(4096, 1)), Commands.seal(HEAD, NEW_HEAD, 1)))
                .containsOnly(ErrorCode.OK);
        assertThat(code(Commands.write(0, 2, filled(4096, 2)))).isEqualTo(ErrorCode.STALE_LAYER);
        assertThat(
                        code(
                                Commands.write(
                                        Commands.identity(0, 2, 1, new LayerId(300)),
                                        0,
                                        filled(4096, 2),
                                        false)))
                .isEqualTo(ErrorCode.UNKNOWN_LAYER);
        assertThat(
                        code(
                                Commands.write(
                                        Commands.identity(0, 2, 1, NEW_HEAD),
                                        0,
                                        filled(4096, 2),
                                        false)))
                .isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(0, 1, filled(4096, 1))))
                .as("a copy from before the seal")
                .isEqualTo(ErrorCode.OK);
        assertThat(block(List.of(NEW_HEAD, HEAD), 0)).isEqualTo(filled(4096, 2));
        assertThat(block(List.of(HEAD), 0)).isEqualTo(filled(4096, 1));
        assertThat(code(Commands.seal(HEAD, NEW_HEAD, 1))).as("again").isEqualTo(ErrorCode.OK);
    }

    @Test
    void unalignedWritesOfOneEntryCompose() {
        assertThat(
                        codes(
                                Commands.write(0, 1, filled(4096, 1)),
                                Commands.write(100, 2, filled(100, 2)),
                                Commands.write(150, 3, filled(100, 3)),
                                Commands.zero(160, 4, 10)))
                .containsOnly(ErrorCode.OK);
        byte[] expected = filled(4096, 1);
        Arrays.fill(expected, 100, 200, (byte) 2);
        Arrays.fill(expected, 150, 250, (byte) 3);
        Arrays.fill(expected, 160, 170, (byte) 0);
        assertThat(block(0)).isEqualTo(expected);
    }

    @Test
    void zeroesBecomeHolesUnlessKept() {
        codes(
                Commands.write(0, 1, filled(8192, 1)),
                Commands.write(0, 2, filled(4096, 0)),
                Commands.write(4096, 3, filled(4000, 0)),
                Commands.zero(8096, 4, 96));
        assertThat(read(List.of(HEAD), 0, 2).present()).containsExactly(0);
        codes(Commands.write(Commands.identity(0, 5), 0, filled(4096, 0), true));
        assertThat(block(0)).isEqualTo(filled(4096, 0));
    }

    @Test
    void patchOfADamagedBlockIsKeptAsDamagedUntilTheBlockIsWrittenWhole() {
        codes(withBrokenChecksum(Commands.write(0, 1, filled(4096, 1))));
        assertThatThrownBy(() -> block(0)).isInstanceOf(DamagedBlockException.class);
        assertThat(code(Commands.write(10, 2, filled(10, 2)))).isEqualTo(ErrorCode.OK);
        assertThat(replica.damage.blocks).hasSize(1);
        assertThat(code(Commands.write(30, 3, filled(10, 2)))).isEqualTo(ErrorCode.OK);
        assertThatThrownBy(() -> block(0))
                .isInstanceOf(DamagedBlockException.class)
                .hasMessageContaining("marked as damaged");
        assertThat(code(Commands.zero(0, 4, 4095))).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.zero(4095, 5, 1))).isEqualTo(ErrorCode.OK);
        assertThatThrownBy(() -> block(0)).isInstanceOf(DamagedBlockException.class);
        assertThat(code(Commands.write(0, 6, filled(4096, 7)))).isEqualTo(ErrorCode.OK);
        assertThat(block(0)).isEqualTo(filled(4096, 7));
    }

    @Test
    void droppedVolumeIsGoneAndOthersStay() {
        VolumeId other = new VolumeId(12);
        LayerId otherHead = new LayerId(101);
        WriteIdentity otherWrite = new WriteIdentity(other, EPOCH, new Slot(0), 1, 1, otherHead);
        codes(
                Commands.open(other, otherHead),
                Commands.admit(other, 1, EPOCH),
                Commands.write(otherWrite, 0, filled(4096, 9), false),
                Commands.write(0, 1, filled(EXTENT_BYTES, 1)));
        // In one entry with a write that was not yet in the store.
        assertThat(codes(Commands.write(0, 2, filled(4096, 1)), Commands.drop(VOLUME)))
                .containsOnly(ErrorCode.OK);
        assertThat(code(Commands.drop(VOLUME))).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.write(0, 3, filled(4096, 1)))).isEqualTo(ErrorCode.NO_SUCH_VOLUME);
        replica.restart();
        assertThat(read(List.of(HEAD), 0, 16).present()).containsExactly(0);
        assertThat(replica.machine.store().extent(HEAD, 0, 16)).isEmpty();
        assertThat(replica.machine.store().window(VOLUME, EPOCH, new Slot(0))).isEmpty();
        assertThat(replica.machine.store().tables().volumes()).hasSize(1);
        assertThat(replica.machine.store().tables().layers()).hasSize(1);
        assertThat(replica.machine.store().tables().admissions()).hasSize(1);
        assertThat(block(List.of(otherHead), 0)).isEqualTo(filled(4096, 9));
    }

    @Test
    void openingAgainIsIdempotentAndDifferentlyIsAConflict() {
        assertThat(code(Commands.open(VOLUME, HEAD))).isEqualTo(ErrorCode.OK);
        assertThat(code(Commands.open(VOLUME, new LayerId(101)))).isEqualTo(ErrorCode.CONFLICT);
        assertThat(code(Commands.open(VOLUME, HEAD, List.of(1)))).isEqualTo(ErrorCode.CONFLICT);
        assertThat(code(Commands.open(new VolumeId(12), HEAD))).isEqualTo(ErrorCode.CONFLICT);
    }

    @Test
    void entryIsAppliedOnceOnly() {
        LogPosition position = replica.machine.appliedPosition();
        assertThatThrownBy(() -> replica.machine.apply(position, List.of()))
                .isInstanceOf(IllegalStateException.class);
        replica.machine.skip(new LogPosition(9, 50));
        assertThat(replica.machine.appliedPosition()).isEqualTo(new LogPosition(9, 50));
        assertThat(replica.machine.checkpoint()).isEqualTo(new LogPosition(9, 50));
        assertThat(replica.machine.durablePosition()).isEqualTo(new LogPosition(9, 50));
    }

    @Test
    void commandFromTheFutureStopsTheReplicaBeforeAnyEffect() {
        LogPosition before = replica.machine.appliedPosition();
        ByteBuf drop = Commands.drop(VOLUME);
        ByteBuf unknown = Unpooled.wrappedBuffer(new byte[] {2, 1, 0});
        assertThatThrownBy(
                        () -> replica.machine.apply(new LogPosition(1, 7), List.of(drop, unknown)))
                .isInstanceOf(IllegalStateException.class);
        drop.release();
        assertThat(replica.machine.appliedPosition()).isEqualTo(before);
    }

    private static ByteBuf withBrokenChecksum(ByteBuf write) {
        ByteBuf copy = write.copy();
        write.release();
        int crcIndex = 2 + 41 + 8 + 1 + 4;
        return copy.setInt(crcIndex, copy.getInt(crcIndex) ^ 1);
    }

    private ErrorCode code(ByteBuf command) {
        return codes(command).get(0);
    }

    private List<ErrorCode> codes(ByteBuf... commands) {
        return replica.apply(commands).stream().map(ChunkReply::code).toList();
    }

    private byte[] block(long block) {
        return block(List.of(HEAD), block);
    }

    private byte[] block(List<LayerId> chain, long block) {
        BlocksRead read = read(chain, block, 1);
        assertThat(read.present()).as("is present").containsExactly(1);
        return ByteBufUtil.getBytes(read.data());
    }

    private BlocksRead read(List<LayerId> chain, long block, int count) {
        BlocksRead read =
                replica.machine
                        .store()
                        .read(
                                chain,
                                Commands.BLOCKS_PER_EXTENT,
                                block,
                                count,
                                ByteBufAllocator.DEFAULT);
        BlocksRead copy =
                new BlocksRead(
                        read.blockCount(),
                        read.present(),
                        read.crcs(),
                        Unpooled.copiedBuffer(read.data()));
        read.data().release();
        return copy;
    }
}
