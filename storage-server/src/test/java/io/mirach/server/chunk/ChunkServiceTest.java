package io.mirach.server.chunk;

import static io.mirach.server.chunk.Commands.EPOCH;
import static io.mirach.server.chunk.Commands.EXTENT_BYTES;
import static io.mirach.server.chunk.Commands.HEAD;
import static io.mirach.server.chunk.Commands.PG;
import static io.mirach.server.chunk.Commands.VOLUME;
import static io.mirach.server.chunk.Commands.filled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Sealing;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.protocol.data.BlockStatusReply;
import io.mirach.protocol.data.BlockStatusReplyCodec;
import io.mirach.protocol.data.BlockStatusRequest;
import io.mirach.protocol.data.BlockStatusRequestCodec;
import io.mirach.protocol.data.ReadReply;
import io.mirach.protocol.data.ReadReplyCodec;
import io.mirach.protocol.data.ReadRequest;
import io.mirach.protocol.data.ReadRequestCodec;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.mirach.protocol.data.ZeroRequest;
import io.mirach.protocol.data.ZeroRequestCodec;
import io.mirach.raft.OutcomeUnknownException;
import io.mirach.raft.RefusedException;
import io.mirach.server.store.StoreConfigs;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ChunkServiceTest {
    private static final ChunkServiceConfig CONFIG = new ChunkServiceConfig(1 << 20, 2, 100);

    @TempDir Path dir;
    private Replica replica;
    private DirectLog log;
    private ChunkService service;
    private long nowNanos = -3;
    private Function<LayerId, CompletableFuture<Optional<Sealing>>> newHeads =
            head -> CompletableFuture.completedFuture(Optional.empty());
    private final PeerRoom peerRoom = new PeerRoom(() -> nowNanos);

    @BeforeEach
    void open() {
        replica = new Replica(dir, StoreConfigs.unflushed());
        log = new DirectLog(replica.machine);
        service =
                new ChunkService(
                        CONFIG,
                        peerRoom,
                        (volume, head) -> newHeads.apply(head),
                        replica.damage,
                        ByteBufAllocator.DEFAULT);
        service.serve(PG, log, replica.machine);
        await(
                service.order(
                        new GroupOrder.OpenVolume(
                                PG,
                                VOLUME,
                                EXTENT_BYTES,
                                Commands.SIZE_BYTES,
                                Commands.allSlots(),
                                HEAD)));
        await(service.order(admit(1, EPOCH)));
    }

    @AfterEach
    void close() {
        service.close();
        replica.close();
    }

    @Test
    void requestsOverTheWireAreAnswered() {
        WriteRequest write =
                Commands.writeRequest(Commands.identity(0, 1), 4096, filled(8192, 3), false);
        assertThat(handle(Opcode.WRITE, WriteRequestCodec.encode(write, ByteBufAllocator.DEFAULT)))
                .isEmpty();
        ZeroRequest zero = new ZeroRequest(PG, Commands.identity(0, 2), 8192, 4096);
        assertThat(handle(Opcode.ZERO, ZeroRequestCodec.encode(zero, ByteBufAllocator.DEFAULT)))
                .isEmpty();
        byte[] read =
                handle(
                        Opcode.READ,
                        ReadRequestCodec.encode(readRequest(0, 4), ByteBufAllocator.DEFAULT));
        ReadReply reply = ReadReplyCodec.decode(Unpooled.wrappedBuffer(read));
        assertThat(reply.present()).containsExactly(0b10);
        assertThat(ByteBufUtil.getBytes(reply.data())).isEqualTo(filled(4096, 3));
        byte[] status =
                handle(
                        Opcode.BLOCK_STATUS,
                        BlockStatusRequestCodec.encode(
                                statusRequest(0, 256, 10), ByteBufAllocator.DEFAULT));
        assertThat(BlockStatusReplyCodec.decode(Unpooled.wrappedBuffer(status)))
                .isEqualTo(new BlockStatusReply(256, List.of(new BlockRange(1, 1))));
        assertThat(
                        handle(
                                Opcode.GROUP_ORDER,
                                JsonBody.encode(
                                        new GroupOrder.DropVolume(PG, VOLUME),
                                        ByteBufAllocator.DEFAULT)))
                .isEmpty();
        assertThat(failure(service.read(readRequest(0, 1)))).isEqualTo(ErrorCode.NO_SUCH_VOLUME);
    }

    @Test
    void malformedBodiesAreRefused() {
        for (Opcode opcode : service.handlers().keySet()) {
            ByteBuf body = Unpooled.buffer().writeByte(1).writeByte(7);
            assertThat(failure(service.handlers().get(opcode).handle(body)))
                    .isEqualTo(ErrorCode.MALFORMED);
            assertThat(body.refCnt()).isZero();
        }
    }

    @Test
    void writeDamagedOnItsWayIsNeverLogged() {
        WriteRequest write =
                Commands.writeRequest(Commands.identity(0, 1), 0, filled(4096, 3), false);
        write.crcs()[0] ^= 1;
        assertThat(failure(service.write(write))).isEqualTo(ErrorCode.CHECKSUM_MISMATCH);
        assertThat(write.data().refCnt()).isZero();
        assertThat(await(service.read(readRequest(0, 1))).present()).containsExactly(0);
    }

    @Test
    void refusalsOfTheLogKeepTheirMeaning() {
        UUID leader = new UUID(3, 3);
        log.refuse(new RefusedException(RefusedException.Reason.NOT_LEADER, Optional.of(leader)));
        Throwable notLeader = cause(service.write(anyWrite(1)));
        assertThat(((MirachException) notLeader).code()).isEqualTo(ErrorCode.NOT_LEADER);
        assertThat(((MirachException) notLeader).leaderHint()).contains(leader);
        log.refuse(new RefusedException(RefusedException.Reason.NOT_READY, Optional.empty()));
        assertThat(failure(service.write(anyWrite(1)))).isEqualTo(ErrorCode.NOT_READY);
        log.refuse(new RefusedException(RefusedException.Reason.BACK_PRESSURED, Optional.empty()));
        assertThat(failure(service.write(anyWrite(1)))).isEqualTo(ErrorCode.BACK_PRESSURED);
        log.refuse(new RefusedException(RefusedException.Reason.NO_SUCH_GROUP, Optional.empty()));
        assertThat(failure(service.write(anyWrite(1))))
                .isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
        log.refuse(new OutcomeUnknownException("lost", null));
        assertThat(failure(service.write(anyWrite(1)))).isEqualTo(ErrorCode.UNKNOWN_OUTCOME);
        log.refuse(new IllegalStateException("anything else"));
        assertThat(failure(service.write(anyWrite(1)))).isEqualTo(ErrorCode.UNKNOWN_OUTCOME);
        log.refuse(null);
        log.refuseReads(new RefusedException(RefusedException.Reason.NOT_READY, Optional.empty()));
        assertThat(failure(service.read(readRequest(0, 1)))).isEqualTo(ErrorCode.NOT_READY);
    }

    @Test
    void writesBeyondTheLimitAreRefusedUntilOthersAreAnswered() {
        log.hold();
        byte[] extent = filled(EXTENT_BYTES, 1);
        int admitted = 0;
        CompletableFuture<Void> last = null;
        for (int i = 1; i <= 20; i++) {
            CompletableFuture<Void> write =
                    service.write(Commands.writeRequest(Commands.identity(0, i), 0, extent, false));
            if (write.isDone()) {
                assertThat(failure(write)).isEqualTo(ErrorCode.BACK_PRESSURED);
            } else {
                admitted++;
                last = write;
            }
        }
        assertThat(admitted).isEqualTo((1 << 20) / EXTENT_BYTES - 1);
        log.release();
        await(last);
        await(service.write(anyWrite(30)));
    }

    @Test
    void fullDiskStopsWritesAndNothingElse() {
        await(service.write(anyWrite(1)));
        replica.usableBytes.set(StoreConfigs.LOW);
        Awaitility.await().until(replica.machine.store()::isSpaceLow);
        WriteRequest write = anyWrite(2);
        assertThat(failure(service.write(write))).isEqualTo(ErrorCode.NO_SPACE);
        assertThat(write.data().refCnt()).isZero();
        await(service.write(unsettled(anyWrite(1))));
        await(service.write(unsettled(anyWrite(5))));
        await(service.read(readRequest(0, 1))).data().release();
        await(service.zero(new ZeroRequest(PG, Commands.identity(0, 2), 0, 4096)));
        await(service.order(admit(2, EPOCH)));
        replica.usableBytes.set(StoreConfigs.SCARCE);
        Awaitility.await().until(() -> !replica.machine.store().isSpaceLow());
        await(service.write(anyWrite(3)));
    }

    private static WriteRequest unsettled(WriteRequest write) {
        return new WriteRequest(
                write.placementGroup(),
                write.identity(),
                write.offsetBytes(),
                write.keepZeroes(),
                true,
                write.crcs(),
                write.data());
    }

    @Test
    void fullDiskOfAFollowerStopsWritesUntilItHasRoomAgainOrIsSilent() {
        UUID follower = new UUID(3, 3);
        UUID another = new UUID(4, 4);
        peerRoom.heard(follower, Set.of(new UUID(1, 1)), true);
        await(service.write(anyWrite(1)));
        peerRoom.heard(follower, Set.of(Replica.GROUP, new UUID(1, 1)), true);
        peerRoom.heard(another, Set.of(Replica.GROUP), false);
        assertThat(failure(service.write(anyWrite(2)))).isEqualTo(ErrorCode.NO_SPACE);
        await(service.zero(new ZeroRequest(PG, Commands.identity(0, 2), 0, 4096)));
        await(service.order(admit(2, EPOCH)));
        peerRoom.heard(follower, Set.of(Replica.GROUP), false);
        await(service.write(anyWrite(3)));

        peerRoom.heard(follower, Set.of(Replica.GROUP), true);
        nowNanos += TimeUnit.SECONDS.toNanos(5) - 1;
        assertThat(failure(service.write(anyWrite(4)))).isEqualTo(ErrorCode.NO_SPACE);
        nowNanos++;
        await(service.write(anyWrite(4)));
    }

    @Test
    void readsAreCheckedAsWritesAre() {
        await(service.write(anyWrite(1)));
        assertThat(failure(service.read(readRequest(new Epoch(9), HEAD, 0, 1))))
                .isEqualTo(ErrorCode.FENCED);
        assertThat(failure(service.read(readRequest(EPOCH, new LayerId(9), 0, 1))))
                .isEqualTo(ErrorCode.UNKNOWN_LAYER);
        assertThat(failure(service.read(readRequest(15, 2)))).isEqualTo(ErrorCode.OUT_OF_RANGE);
        assertThat(failure(service.read(readRequest(255, 2)))).isEqualTo(ErrorCode.OUT_OF_RANGE);
        assertThat(failure(service.blockStatus(statusRequest(0, 257, 1))))
                .isEqualTo(ErrorCode.OUT_OF_RANGE);
        log.propose(Commands.seal(HEAD, new LayerId(200), 1)).join();
        assertThat(failure(service.read(readRequest(0, 1)))).isEqualTo(ErrorCode.STALE_LAYER);
        assertThat(failure(service.blockStatus(statusRequest(0, 1, 1))))
                .isEqualTo(ErrorCode.STALE_LAYER);
        ReadReply reply = await(service.read(readRequest(EPOCH, new LayerId(200), 0, 1)));
        assertThat(ByteBufUtil.getBytes(reply.data())).isEqualTo(filled(4096, 1));
        reply.data().release();
    }

    private static ReadRequest snapshotRead(LayerId layer) {
        return new ReadRequest(PG, VOLUME, Optional.empty(), layer, 0, 1, false);
    }

    private static WriteRequest writeTo(LayerId head, long sequence, int value) {
        return Commands.writeRequest(
                Commands.identity(0, sequence, 1, head), 0, filled(4096, value), false);
    }

    @Test
    void aSnapshotIsReadWithoutAnAttachmentAndAHeadIsNot() {
        LayerId next = new LayerId(200);
        await(service.write(anyWrite(1)));
        assertThat(failure(service.read(snapshotRead(HEAD))))
                .as("a head that is no snapshot")
                .isEqualTo(ErrorCode.UNKNOWN_LAYER);
        await(service.order(new GroupOrder.SealLayer(PG, VOLUME, HEAD, next, 100)));
        await(service.write(writeTo(next, 2, 2)));
        await(service.order(admit(2, new Epoch(6))));
        ReadReply reply = await(service.read(snapshotRead(HEAD)));
        assertThat(ByteBufUtil.getBytes(reply.data())).isEqualTo(filled(4096, 1));
        reply.data().release();
        BlockStatusRequest status =
                new BlockStatusRequest(
                        PG, VOLUME, Optional.empty(), HEAD, new BlockRange(0, 256), 10, false);
        assertThat(await(service.blockStatus(status)).allocated())
                .containsExactly(new BlockRange(0, 1));
        assertThat(failure(service.read(snapshotRead(next)))).isEqualTo(ErrorCode.UNKNOWN_LAYER);
        assertThat(failure(service.read(snapshotRead(new LayerId(300)))))
                .isEqualTo(ErrorCode.UNKNOWN_LAYER);
        assertThat(failure(service.read(readRequest(EPOCH, HEAD, 0, 1))))
                .as("who reads the head is admitted or not, whatever it calls it")
                .isEqualTo(ErrorCode.FENCED);
    }

    @Test
    void aRequestThatNamesANewerHeadHasTheOldOneSealedFirst() {
        LayerId next = new LayerId(200);
        newHeads =
                head ->
                        CompletableFuture.completedFuture(
                                head.equals(next)
                                        ? Optional.of(new Sealing(100, HEAD, next))
                                        : Optional.empty());
        await(service.write(anyWrite(1)));
        await(service.write(writeTo(next, 2, 2)));
        ReadReply reply = await(service.read(snapshotRead(HEAD)));
        assertThat(ByteBufUtil.getBytes(reply.data())).isEqualTo(filled(4096, 1));
        reply.data().release();
        assertThat(failure(service.write(writeTo(HEAD, 3, 3)))).isEqualTo(ErrorCode.STALE_LAYER);
        // The order comes after that, and again.
        await(service.order(new GroupOrder.SealLayer(PG, VOLUME, HEAD, next, 100)));
        await(service.order(new GroupOrder.SealLayer(PG, VOLUME, HEAD, next, 100)));
        await(service.write(writeTo(next, 3, 3)));
    }

    @Test
    void aReadThatNamesANewerHeadHasTheOldOneSealedFirst() {
        LayerId next = new LayerId(200);
        newHeads =
                head ->
                        CompletableFuture.completedFuture(
                                Optional.of(new Sealing(100, HEAD, next)));
        await(service.write(anyWrite(1)));
        ReadReply reply = await(service.read(readRequest(EPOCH, next, 0, 1)));
        assertThat(ByteBufUtil.getBytes(reply.data())).isEqualTo(filled(4096, 1));
        reply.data().release();
        assertThat(failure(service.read(readRequest(0, 1)))).isEqualTo(ErrorCode.STALE_LAYER);
    }

    @Test
    void manyRequestsThatNameANewerHeadWaitForOneSeal() {
        LayerId next = new LayerId(200);
        CompletableFuture<Optional<Sealing>> map = new CompletableFuture<>();
        AtomicInteger asked = new AtomicInteger();
        newHeads =
                head -> {
                    asked.incrementAndGet();
                    return map;
                };
        CompletableFuture<Void> first = service.write(writeTo(next, 1, 1));
        CompletableFuture<Void> second =
                service.zero(new ZeroRequest(PG, Commands.identity(8192, 2, 1, next), 8192, 4096));
        assertThat(first).isNotDone();
        assertThat(second).isNotDone();
        map.complete(Optional.of(new Sealing(100, HEAD, next)));
        await(first);
        await(second);
        assertThat(asked).hasValue(1);
    }

    @Test
    void aHeadThatNoMapKnowsIsRefused() {
        assertThat(failure(service.write(writeTo(new LayerId(200), 1, 1))))
                .isEqualTo(ErrorCode.UNKNOWN_LAYER);
        await(service.write(anyWrite(1)));
    }

    @Test
    void damagedBlockIsNotServedAndIsReported() {
        ByteBuf intact = Commands.write(0, 1, filled(4096, 1));
        ByteBuf broken = intact.copy();
        intact.release();
        broken.setInt(56, 12345);
        log.propose(broken).join();
        assertThat(failure(service.read(readRequest(0, 1)))).isEqualTo(ErrorCode.DAMAGED_BLOCK);
        assertThat(replica.damage.blocks).extracting(RecordedDamage.Block::block).containsOnly(0L);
    }

    @Test
    void groupThatIsNotServedIsUnknown() {
        service.stop(PG);
        assertThat(failure(service.write(anyWrite(1))))
                .isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
        assertThat(failure(service.read(readRequest(0, 1))))
                .isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
        assertThat(
                        failure(
                                service.order(
                                        new GroupOrder.DropVolume(
                                                new PlacementGroupId(9), VOLUME))))
                .isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
    }

    @Test
    void badOrdersAreRefused() {
        assertThat(
                        failure(
                                service.order(
                                        new GroupOrder.OpenVolume(
                                                PG,
                                                new VolumeId(12),
                                                EXTENT_BYTES,
                                                Commands.SIZE_BYTES,
                                                List.of(64),
                                                new LayerId(101)))))
                .isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(
                        failure(
                                service.order(
                                        new GroupOrder.OpenVolume(
                                                PG,
                                                new VolumeId(12),
                                                EXTENT_BYTES + 1,
                                                Commands.SIZE_BYTES,
                                                List.of(1),
                                                new LayerId(101)))))
                .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    }

    @Test
    void blockStatusStopsAtTheMostRuns() {
        for (int i = 0; i < 6; i++) {
            await(
                    service.write(
                            Commands.writeRequest(
                                    Commands.identity(0, i + 1),
                                    i * 8192L,
                                    filled(4096, 1),
                                    false)));
        }
        assertThat(await(service.blockStatus(statusRequest(0, 256, 4))))
                .isEqualTo(
                        new BlockStatusReply(
                                8,
                                List.of(
                                        new BlockRange(0, 1),
                                        new BlockRange(2, 1),
                                        new BlockRange(4, 1),
                                        new BlockRange(6, 1))));
        assertThat(await(service.blockStatus(statusRequest(8, 248, 4))))
                .isEqualTo(
                        new BlockStatusReply(
                                256, List.of(new BlockRange(8, 1), new BlockRange(10, 1))));
    }

    private static GroupOrder admit(long version, Epoch epoch) {
        return new GroupOrder.Admit(PG, VOLUME, version, List.of(epoch), List.of());
    }

    private static WriteRequest anyWrite(long sequence) {
        return Commands.writeRequest(Commands.identity(0, sequence), 0, filled(4096, 1), false);
    }

    private static ReadRequest readRequest(long firstBlock, int blockCount) {
        return readRequest(EPOCH, HEAD, firstBlock, blockCount);
    }

    private static ReadRequest readRequest(
            Epoch epoch, LayerId layer, long firstBlock, int blockCount) {
        return new ReadRequest(
                PG, VOLUME, Optional.of(epoch), layer, firstBlock, blockCount, false);
    }

    private static BlockStatusRequest statusRequest(long firstBlock, long count, int maxRuns) {
        return new BlockStatusRequest(
                PG,
                VOLUME,
                Optional.of(EPOCH),
                HEAD,
                new BlockRange(firstBlock, count),
                maxRuns,
                false);
    }

    private byte[] handle(Opcode opcode, ByteBuf body) {
        ByteBuf reply = await(service.handlers().get(opcode).handle(body));
        byte[] bytes = ByteBufUtil.getBytes(reply);
        reply.release();
        return bytes;
    }

    private static <T> T await(CompletableFuture<T> future) {
        return future.orTimeout(30, TimeUnit.SECONDS).join();
    }

    private static ErrorCode failure(CompletableFuture<?> future) {
        return ((MirachException) cause(future)).code();
    }

    private static Throwable cause(CompletableFuture<?> future) {
        Throwable failure = catchThrowable(() -> await(future));
        assertThat(failure).isInstanceOf(CompletionException.class);
        return failure.getCause();
    }
}
