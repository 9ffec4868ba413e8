package io.mirach.server.transport;

import static io.mirach.server.transport.FakeCluster.EXTENT_BYTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.model.Attachment;
import io.mirach.model.BlockRange;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Reads, writes, zeroes and discards by a real client, against nodes without Raft. */
@Timeout(90)
@ExtendWith(NoLeaks.class)
class ClientDataPathTest {
    private static final long VOLUME_BYTES = 8L << 30;

    private FakeCluster cluster;
    private MirachClient client;
    private AttachedVolume volume;

    @BeforeEach
    void start() throws Exception {
        cluster = new FakeCluster(VOLUME_BYTES);
        client = MirachClients.connect(config(cluster)).get(30, TimeUnit.SECONDS);
        volume = attach(client, Attachment.Mode.READ_WRITE);
    }

    @AfterEach
    void stop() {
        client.close();
        cluster.close();
    }

    static MirachClientConfig config(FakeCluster cluster) {
        return MirachClientConfig.of(List.of(cluster.endpoint()), "gateway-1", "host-1", "secret");
    }

    static AttachedVolume attach(MirachClient client, Attachment.Mode mode)
            throws InterruptedException, ExecutionException, java.util.concurrent.TimeoutException {
        return client.attach(FakeCluster.VOLUME, mode).get(30, TimeUnit.SECONDS);
    }

    static ByteBuf random(Random random, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        random.nextBytes(bytes);
        return PooledByteBufAllocator.DEFAULT.directBuffer(lengthBytes).writeBytes(bytes);
    }

    static byte[] bytesOf(CompletableFuture<ByteBuf> read) {
        ByteBuf buffer = read.join();
        try {
            return ByteBufUtil.getBytes(buffer);
        } finally {
            buffer.release();
        }
    }

    static void assertFails(CompletableFuture<?> future, ErrorCode code) {
        assertThatThrownBy(() -> future.get(30, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        MirachException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void bytesComeBackWhateverTheirAlignmentAndLength() {
        long seed = 42;
        Random random = new Random(seed);
        // Around the border of two extents, and of 1 MiB.
        long base = EXTENT_BYTES - (3 << 20);
        byte[] model = new byte[6 << 20];
        for (int i = 0; i < 120; i++) {
            int offset = random.nextInt(model.length - 1);
            int length =
                    1 + random.nextInt(Math.min(model.length - offset, 1 << random.nextInt(22)));
            int kind = random.nextInt(10);
            if (kind < 7) {
                byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                System.arraycopy(bytes, 0, model, offset, length);
                volume.write(base + offset, Unpooled.copiedBuffer(bytes)).join();
            } else if (kind < 9) {
                Arrays.fill(model, offset, offset + length, (byte) 0);
                volume.writeZeroes(base + offset, length, kind == 8).join();
            } else {
                int from = (offset + 4095) / 4096 * 4096;
                int to = (offset + length) / 4096 * 4096;
                if (from < to) {
                    Arrays.fill(model, from, to, (byte) 0);
                }
                volume.discard(base + offset, length).join();
            }
            int readAt = random.nextInt(model.length - 1);
            int readLength = 1 + random.nextInt(model.length - readAt);
            assertThat(bytesOf(volume.read(base + readAt, readLength)))
                    .as("seed %d step %d", seed, i)
                    .isEqualTo(Arrays.copyOfRange(model, readAt, readAt + readLength));
        }
    }

    @Test
    void whatWasNeverWrittenReadsAsZeroes() {
        assertThat(bytesOf(volume.read(12345, 3 << 20))).isEqualTo(new byte[3 << 20]);
    }

    @Test
    void largestRequestIsCutAndJoined() {
        ByteBuf data = random(new Random(1), 32 << 20);
        byte[] bytes = ByteBufUtil.getBytes(data);
        volume.write(EXTENT_BYTES / 2, data).join();
        assertThat(bytesOf(volume.read(EXTENT_BYTES / 2, 32 << 20))).isEqualTo(bytes);
        assertThat(data.refCnt()).isZero();
        assertThat(cluster.blocks.effects()).isEqualTo(32);
    }

    @Test
    void rangesOutsideTheVolumeAreRefusedAlsoWhenTheirSumOverflows() {
        assertFails(volume.read(VOLUME_BYTES - 4096, 4097), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.read(-1, 1), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.read(0, -1), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.read(Long.MAX_VALUE, 1), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.read(0, (32 << 20) + 1), ErrorCode.INVALID_ARGUMENT);
        assertFails(volume.discard(4096, Long.MAX_VALUE), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.writeZeroes(Long.MAX_VALUE, 4096, false), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.writeZeroes(0, -4096, true), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.allocation(VOLUME_BYTES, 1, 10), ErrorCode.OUT_OF_RANGE);
        assertFails(volume.allocation(0, 4096, 0), ErrorCode.INVALID_ARGUMENT);
        ByteBuf data = random(new Random(1), 4096);
        assertFails(volume.write(VOLUME_BYTES - 1, data), ErrorCode.OUT_OF_RANGE);
        assertThat(data.refCnt()).isZero();
        // Nothing is a request too, up to the very end.
        assertThat(bytesOf(volume.read(VOLUME_BYTES, 0))).isEmpty();
        volume.write(VOLUME_BYTES, Unpooled.buffer()).join();
        volume.discard(VOLUME_BYTES, 0).join();
        volume.writeZeroes(VOLUME_BYTES, 0, false).join();
        assertThat(cluster.blocks.effects()).isZero();
    }

    @Test
    void readsAreStrictAsSoonAsTheMapSaysSo() {
        volume.read(0, 4096).join().release();
        assertThat(cluster.blocks.lastReadWasStrict()).isFalse();
        for (boolean strict : new boolean[] {true, false}) {
            cluster.strictReads(strict);
            await().untilAsserted(
                            () -> {
                                volume.read(0, 4096).join().release();
                                assertThat(cluster.blocks.lastReadWasStrict()).isEqualTo(strict);
                            });
        }
    }

    @Test
    void readOnlyAttachmentReadsAndDoesNotWrite() throws Exception {
        AttachedVolume readOnly = attach(client, Attachment.Mode.READ_ONLY);
        assertThat(readOnly.readOnly()).isTrue();
        assertThat(bytesOf(readOnly.read(0, 10))).hasSize(10);
        ByteBuf data = random(new Random(1), 10);
        assertFails(readOnly.write(0, data), ErrorCode.READ_ONLY);
        assertThat(data.refCnt()).isZero();
        assertFails(readOnly.discard(0, 4096), ErrorCode.READ_ONLY);
        assertFails(readOnly.writeZeroes(0, 4096, true), ErrorCode.READ_ONLY);
    }

    @Test
    void discardIsRoundedInward() {
        volume.write(0, random(new Random(1), 3 * 4096)).join();
        byte[] before = bytesOf(volume.read(0, 3 * 4096));
        volume.discard(1, 2 * 4096).join();
        byte[] after = bytesOf(volume.read(0, 3 * 4096));
        Arrays.fill(before, 4096, 2 * 4096, (byte) 0);
        assertThat(after).isEqualTo(before);
        assertThat(cluster.blocks.blockCount()).isEqualTo(2);
        volume.discard(1, 4096).join();
        assertThat(cluster.blocks.effects()).isEqualTo(2);
    }

    @Test
    void zeroesOverMoreThanTwoGibibytesAreOneSmallRequestPerExtent() {
        AtomicInteger inFlight = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        cluster.fault =
                (node, opcode, body, real) -> {
                    most.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
                    CompletableFuture<ByteBuf> late = new CompletableFuture<>();
                    cluster.loops
                            .next()
                            .schedule(
                                    () -> {
                                        inFlight.decrementAndGet();
                                        real.handle(body)
                                                .whenComplete(
                                                        (ok, e) -> {
                                                            if (e != null) {
                                                                late.completeExceptionally(e);
                                                            } else {
                                                                late.complete(ok);
                                                            }
                                                        });
                                    },
                                    1,
                                    TimeUnit.MILLISECONDS);
                    return late;
                };
        long length = (2L << 30) + 4096;
        volume.writeZeroes(0, length, false).join();
        assertThat(cluster.blocks.effects()).isEqualTo((int) (length / EXTENT_BYTES) + 1);
        assertThat(most.get()).isBetween(2, 66);
    }

    @Test
    void keptZeroesTakeSpaceAndOthersGiveItBack() {
        volume.writeZeroes(100, 2 << 20, true).join();
        assertThat(cluster.blocks.blockCount()).isEqualTo(513);
        assertThat(bytesOf(volume.read(0, 1 << 20))).isEqualTo(new byte[1 << 20]);
        volume.writeZeroes(0, 3 << 20, false).join();
        assertThat(cluster.blocks.blockCount()).isZero();
    }

    @Test
    void allocationIsMergedFromAllPlacementGroups() {
        // The last block of one extent and the first of the next, which lie in two groups, touch.
        volume.write(EXTENT_BYTES - 4096, random(new Random(1), 2 * 4096)).join();
        volume.write(5L * EXTENT_BYTES + 8192, random(new Random(2), 1)).join();
        volume.write(7L << 30, random(new Random(3), 4096)).join();
        long firstRun = EXTENT_BYTES / 4096 - 1;
        long second = 5L * EXTENT_BYTES / 4096 + 2;
        AttachedVolume.Allocation all = volume.allocation(0, VOLUME_BYTES, 100).join();
        assertThat(all.coveredEndBlock()).isEqualTo(VOLUME_BYTES / 4096);
        assertThat(all.allocated())
                .containsExactly(
                        new BlockRange(firstRun, 2),
                        new BlockRange(second, 1),
                        new BlockRange((7L << 30) / 4096, 1));
        AttachedVolume.Allocation some = volume.allocation(0, VOLUME_BYTES, 1).join();
        assertThat(some.allocated()).containsExactly(new BlockRange(firstRun, 2));
        assertThat(some.coveredEndBlock()).isEqualTo(second);
        AttachedVolume.Allocation part =
                volume.allocation(EXTENT_BYTES + 5, EXTENT_BYTES, 100).join();
        assertThat(part.allocated()).containsExactly(new BlockRange(firstRun + 1, 1));
    }

    @Test
    void flushWaitsForTheWritesOnTheirWayAndForNoLaterOnes() {
        List<CompletableFuture<ByteBuf>> held = new ArrayList<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.WRITE) {
                        return real.handle(body);
                    }
                    body.release();
                    CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
                    synchronized (held) {
                        held.add(reply);
                    }
                    return reply;
                };
        assertThat(volume.flush()).isCompleted();
        CompletableFuture<Void> first = volume.write(0, random(new Random(1), 4096));
        await().until(() -> size(held) == 1);
        CompletableFuture<Void> flush = volume.flush();
        CompletableFuture<Void> second = volume.write(4096, random(new Random(1), 4096));
        await().until(() -> size(held) == 2);
        assertThat(flush).isNotDone();
        held.get(0).complete(Unpooled.EMPTY_BUFFER);
        flush.join();
        assertThat(first).isDone();
        assertThat(second).isNotDone();
        held.get(1).complete(Unpooled.EMPTY_BUFFER);
        second.join();
    }

    private static int size(List<?> list) {
        synchronized (list) {
            return list.size();
        }
    }

    @Test
    void thousandsOfWritesAreInFlightWithoutAThreadEach() {
        int threadsBefore = Thread.activeCount();
        AtomicInteger mostThreads = new AtomicInteger();
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        Random random = new Random(3);
        for (int i = 0; i < 6000; i++) {
            writes.add(volume.write(i * 4096L, random(random, 4096)));
            mostThreads.accumulateAndGet(Thread.activeCount(), Math::max);
        }
        CompletableFuture.allOf(writes.toArray(new CompletableFuture<?>[0])).join();
        assertThat(cluster.blocks.effects()).isEqualTo(6000);
        assertThat(cluster.blocks.blockCount()).isEqualTo(6000);
        assertThat(mostThreads.get()).isLessThanOrEqualTo(threadsBefore + 3);
    }

    @Test
    void windowOfASlotIsNeverExceededAndTheRestWaits() throws IOException {
        List<CompletableFuture<ByteBuf>> held = new ArrayList<>();
        List<ByteBuf> heldBodies = new ArrayList<>();
        List<RequestHandler> reals = new ArrayList<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    synchronized (held) {
                        if (opcode == Opcode.WRITE && held.isEmpty()) {
                            CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
                            held.add(reply);
                            heldBodies.add(body);
                            reals.add(real);
                            return reply;
                        }
                    }
                    return real.handle(body);
                };
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            // All in the first extent, so in one slot; the first one is held back.
            writes.add(volume.write(i % 1024 * 4096L, random(new Random(i), 64)));
        }
        await().until(() -> cluster.blocks.effects() == 4095);
        assertThat(writes.get(0)).isNotDone();
        assertThat(writes.get(4999)).isNotDone();
        reals.get(0)
                .handle(heldBodies.get(0))
                .whenComplete((ok, failure) -> held.get(0).complete(ok));
        CompletableFuture.allOf(writes.toArray(new CompletableFuture<?>[0])).join();
        assertThat(cluster.blocks.effects()).isEqualTo(5000);
        assertThat(cluster.blocks.widestWindow()).isLessThanOrEqualTo(4096);
    }

    @Test
    void bytesInFlightAreBoundedAndWhatExceedsThemWaitsItsTurn() {
        AtomicInteger bytes = new AtomicInteger();
        List<Runnable> releases = new ArrayList<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.WRITE) {
                        return real.handle(body);
                    }
                    bytes.addAndGet(body.readableBytes());
                    CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
                    synchronized (releases) {
                        releases.add(
                                () ->
                                        real.handle(body)
                                                .whenComplete((ok, e) -> reply.complete(ok)));
                    }
                    return reply;
                };
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            writes.add(volume.write(i * (32L << 20), random(new Random(i), 32 << 20)));
        }
        // 32 parts of 1 MiB fill the budget, by turns from the three requests.
        await().until(() -> size(releases) == 32);
        await().during(200, TimeUnit.MILLISECONDS).until(() -> size(releases) == 32);
        while (!writes.stream().allMatch(CompletableFuture::isDone)) {
            List<Runnable> now;
            synchronized (releases) {
                now = List.copyOf(releases);
                releases.clear();
            }
            now.forEach(Runnable::run);
            Thread.onSpinWait();
        }
        assertThat(cluster.blocks.effects()).isEqualTo(96);
    }

    @Test
    void tooManyBytesQueuedAreBackPressured() {
        cluster.fault =
                (node, opcode, body, real) -> {
                    body.release();
                    return new CompletableFuture<>();
                };
        ByteBuf megabytes = Unpooled.directBuffer(32 << 20).writeZero(32 << 20);
        for (int i = 0; i < 16; i++) {
            assertThat(volume.write(i * (32L << 20), megabytes.retainedDuplicate())).isNotDone();
        }
        assertFails(volume.write(0, megabytes.retainedDuplicate()), ErrorCode.BACK_PRESSURED);
        client.close();
        await().until(() -> megabytes.refCnt() == 1);
        megabytes.release();
    }
}
