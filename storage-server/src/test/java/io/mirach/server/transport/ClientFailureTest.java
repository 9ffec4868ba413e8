package io.mirach.server.transport;

import static io.mirach.server.transport.ClientDataPathTest.assertFails;
import static io.mirach.server.transport.ClientDataPathTest.attach;
import static io.mirach.server.transport.ClientDataPathTest.bytesOf;
import static io.mirach.server.transport.ClientDataPathTest.config;
import static io.mirach.server.transport.ClientDataPathTest.random;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.model.Attachment;
import io.mirach.model.Gateway;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a real client does when leaders change, nodes die, bytes are damaged, and it is fenced. */
@Timeout(90)
@ExtendWith(NoLeaks.class)
class ClientFailureTest {
    private static final PlacementGroupId FIRST_PG = new PlacementGroupId(1);
    private static final List<PlacementGroupId> ALL_PGS =
            List.of(new PlacementGroupId(1), new PlacementGroupId(2), new PlacementGroupId(3));

    private FakeCluster cluster;
    private MirachClient client;
    private AttachedVolume volume;

    @BeforeEach
    void start() throws Exception {
        cluster = new FakeCluster(1L << 30);
        client = connect(config(cluster));
        volume = attach(client, Attachment.Mode.READ_WRITE);
    }

    @AfterEach
    void stop() {
        client.close();
        cluster.close();
    }

    private static MirachClient connect(MirachClientConfig config) throws Exception {
        return MirachClients.connect(config).get(30, TimeUnit.SECONDS);
    }

    private List<CompletableFuture<Void>> writeBlocks(int count) {
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            // Over all extents, so over all placement groups.
            writes.add(volume.write(blockOffset(i), random(new Random(i), 4096)));
        }
        return writes;
    }

    private static long blockOffset(int i) {
        return i % 64 * (long) FakeCluster.EXTENT_BYTES + i / 64 * 4096L;
    }

    private void assertBlocks(int count) {
        for (int i = 0; i < count; i++) {
            ByteBuf expected = random(new Random(i), 4096);
            assertThat(bytesOf(volume.read(blockOffset(i), 4096)))
                    .isEqualTo(ByteBufUtil.getBytes(expected));
            expected.release();
        }
    }

    private static void join(List<CompletableFuture<Void>> all) throws Exception {
        CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0])).get(60, TimeUnit.SECONDS);
    }

    @Test
    void leaderChangesAreFollowedByHints() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        join(writeBlocks(64));
        cluster.leaders.put(FIRST_PG, 2);
        cluster.fault =
                (node, opcode, body, real) -> {
                    asked.incrementAndGet();
                    return real.handle(body);
                };
        join(List.of(volume.write(0, random(new Random(0), 4096))));
        // The old leader, and the one it named.
        assertThat(asked).hasValue(2);
        assertBlocks(64);
    }

    @Test
    void leaderIsFoundWithoutHintsToo() throws Exception {
        cluster.hints = false;
        ALL_PGS.forEach(group -> cluster.leaders.put(group, 2));
        join(writeBlocks(500));
        ALL_PGS.forEach(group -> cluster.leaders.put(group, 1));
        join(writeBlocks(500));
        assertBlocks(500);
        assertThat(cluster.blocks.effects()).isEqualTo(1000);
        assertThat(cluster.blocks.duplicates()).isZero();
    }

    @Test
    void lostLeaderIsLookedForByOneRequestAndNotByAll() throws Exception {
        join(writeBlocks(3));
        cluster.hints = false;
        AtomicInteger refusals = new AtomicInteger();
        AtomicInteger notReady = new AtomicInteger();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode == Opcode.WRITE && notReady.incrementAndGet() <= 10) {
                        body.release();
                        refusals.incrementAndGet();
                        return CompletableFuture.failedFuture(
                                new MirachException(ErrorCode.NOT_READY, "not yet"));
                    }
                    return real.handle(body);
                };
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        writes.add(volume.write(0, random(new Random(1), 4096)));
        await().until(() -> refusals.get() >= 1);
        for (int i = 1; i < 1000; i++) {
            writes.add(volume.write(i * 4096L, random(new Random(1), 4096)));
        }
        join(writes);
        // 1000 writes waited, while one asked.
        assertThat(refusals).hasValue(10);
    }

    @Test
    void writesWhoseAnswersAreLostTakeEffectOnce() throws Exception {
        AtomicInteger applied = new AtomicInteger();
        Queue<CompletableFuture<ByteBuf>> lost = new ConcurrentLinkedQueue<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    CompletableFuture<ByteBuf> done = real.handle(body);
                    if (opcode != Opcode.WRITE || applied.incrementAndGet() <= 100) {
                        return done;
                    }
                    // Took effect; the answer never comes.
                    CompletableFuture<ByteBuf> never = new CompletableFuture<>();
                    lost.add(never);
                    done.whenComplete((ok, failure) -> {});
                    return never;
                };
        List<CompletableFuture<Void>> writes = writeBlocks(1000);
        await().until(() -> lost.size() >= 100);
        cluster.fault = FakeCluster.NONE;
        for (int node = 0; node < FakeCluster.NODES; node++) {
            cluster.kill(node);
            cluster.start(node);
        }
        join(writes);
        assertThat(cluster.blocks.effects()).isEqualTo(1000);
        assertThat(cluster.blocks.duplicates()).isGreaterThanOrEqualTo(100);
        assertBlocks(1000);
    }

    @Test
    void deadNodeIsLeftForTheNewLeaderWhileWritesFlow() throws Exception {
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int round = 0; round < 6; round++) {
            int victim = round % FakeCluster.NODES;
            writes.addAll(writeBlocks(400));
            cluster.kill(victim);
            ALL_PGS.forEach(
                    group ->
                            cluster.leaders.computeIfPresent(
                                    group, (id, node) -> node == victim ? (node + 1) % 3 : node));
            writes.addAll(writeBlocks(400));
            join(writes);
            cluster.start(victim);
        }
        assertThat(cluster.blocks.effects()).isEqualTo(6 * 800);
        assertBlocks(400);
    }

    @Test
    void backPressureIsWaitedOutWithPausesAndNotBySpinning() throws Exception {
        AtomicInteger refusals = new AtomicInteger();
        long until = System.nanoTime() + Duration.ofMillis(1000).toNanos();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode == Opcode.WRITE && System.nanoTime() - until < 0) {
                        body.release();
                        refusals.incrementAndGet();
                        return CompletableFuture.failedFuture(
                                new MirachException(ErrorCode.BACK_PRESSURED, "full"));
                    }
                    return real.handle(body);
                };
        join(List.of(volume.write(0, random(new Random(1), 4096))));
        // 5, 10, 20 .. 500 ms, each shortened by at most half.
        assertThat(refusals.get()).isBetween(1, 20);
        assertThat(cluster.blocks.effects()).isEqualTo(1);
    }

    @Test
    void finalRefusalReachesTheCallerAndItsNumberIsFree() throws Exception {
        AtomicInteger refused = new AtomicInteger();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode == Opcode.WRITE && refused.incrementAndGet() == 1) {
                        body.release();
                        return CompletableFuture.failedFuture(
                                new MirachException(ErrorCode.NO_SPACE, "the disk is full"));
                    }
                    return real.handle(body);
                };
        assertFails(volume.write(0, random(new Random(1), 4096)), ErrorCode.NO_SPACE);
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            writes.add(volume.write(i % 1000 * 4096L, random(new Random(i), 64)));
        }
        join(writes);
        // Had the first number stayed open, the window would have closed at 4096.
        assertThat(cluster.blocks.effects()).isEqualTo(5000);
    }

    @Test
    void writeThatMayHaveTakenEffectSaysSoWhenItIsSentAgain() throws Exception {
        List<Boolean> unsettled = new CopyOnWriteArrayList<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.WRITE) {
                        return real.handle(body);
                    }
                    WriteRequest request = WriteRequestCodec.decode(body.copy());
                    request.data().release();
                    unsettled.add(request.unsettled());
                    if (unsettled.size() == 1) {
                        body.release();
                        return CompletableFuture.failedFuture(
                                new MirachException(ErrorCode.BACK_PRESSURED, "certainly not"));
                    }
                    CompletableFuture<ByteBuf> reply = real.handle(body);
                    return unsettled.size() > 2
                            ? reply
                            : reply.thenCompose(
                                    ok -> {
                                        ok.release();
                                        return CompletableFuture.failedFuture(
                                                new MirachException(
                                                        ErrorCode.UNKNOWN_OUTCOME, "perhaps"));
                                    });
                };
        join(List.of(volume.write(0, random(new Random(1), 4096))));
        assertThat(unsettled.subList(0, 2)).containsExactly(false, false);
        // By way of members that do not lead, perhaps.
        assertThat(unsettled.subList(2, unsettled.size())).isNotEmpty().containsOnly(true);
        assertThat(cluster.blocks.effects()).isEqualTo(1);
    }

    @Test
    void fencedAttachmentFailsEverythingAtOnceAndForEver() throws Exception {
        join(writeBlocks(3));
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode == Opcode.READ) {
                        body.release();
                        return new CompletableFuture<>();
                    }
                    return real.handle(body);
                };
        CompletableFuture<ByteBuf> stuck = volume.read(0, 4096);
        cluster.admit(Attachment.Mode.READ_WRITE, "other");
        assertThat(volume.closed()).isNotDone();
        assertFails(volume.write(0, random(new Random(9), 4096)), ErrorCode.FENCED);
        // At once, though nobody has said why yet.
        assertThat(volume.closed()).isCompletedExceptionally();
        assertThat(volume.explanation()).isNotDone();
        cluster.revoke();
        assertThat(volume.explanation().get(10, TimeUnit.SECONDS))
                .hasMessageContaining("detached by an operator, or expired");
        // Also what was on its way elsewhere, and would have waited for long.
        assertFails(stuck, ErrorCode.FENCED);
        assertThat(volume.read(0, 1)).isCompletedExceptionally();
        assertThat(volume.flush()).isCompletedExceptionally();
        assertThat(volume.discard(0, 4096)).isCompletedExceptionally();
        ByteBuf data = random(new Random(1), 10);
        assertFails(volume.write(0, data), ErrorCode.FENCED);
        assertThat(data.refCnt()).isZero();
        volume.detach().get(10, TimeUnit.SECONDS);
    }

    @Test
    void idleAttachmentLearnsFromTheMapThatItIsOver() {
        cluster.grant(Attachment.Mode.READ_WRITE, "other");
        assertFails(volume.closed(), ErrorCode.FENCED);
    }

    @Test
    void attachmentThatAnOperatorEndedIsOver() {
        await().until(() -> client.image().attachments().count() == 1);
        cluster.revoke();
        assertFails(volume.closed(), ErrorCode.FENCED);
    }

    @Test
    void blockDamagedOnItsWayIsReadAgainAndNeverReturned() throws Exception {
        join(writeBlocks(1));
        AtomicInteger damage = new AtomicInteger(1);
        cluster.fault =
                (node, opcode, body, real) -> {
                    CompletableFuture<ByteBuf> reply = real.handle(body);
                    return opcode == Opcode.READ && damage.getAndDecrement() > 0
                            ? reply.thenApply(ClientFailureTest::flipLastByte)
                            : reply;
                };
        assertBlocks(1);
        damage.set(1000);
        assertFails(volume.read(0, 4096), ErrorCode.CHECKSUM_MISMATCH);
    }

    @Test
    void writeDamagedOnItsWayIsSentAgain() throws Exception {
        AtomicInteger damage = new AtomicInteger(1);
        cluster.fault =
                (node, opcode, body, real) ->
                        real.handle(
                                opcode == Opcode.WRITE && damage.getAndDecrement() > 0
                                        ? flipLastByte(body)
                                        : body);
        join(writeBlocks(1));
        assertBlocks(1);
        assertThat(cluster.blocks.effects()).isEqualTo(1);
        damage.set(1000);
        assertFails(volume.write(0, random(new Random(1), 4096)), ErrorCode.CHECKSUM_MISMATCH);
    }

    private static ByteBuf flipLastByte(ByteBuf body) {
        ByteBuf copy = Unpooled.copiedBuffer(body);
        body.release();
        int last = copy.writerIndex() - 1;
        return copy.setByte(last, copy.getByte(last) ^ 1);
    }

    @Test
    void answerThatIsNoAnswerFailsTheRead() throws Exception {
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.READ) {
                        return real.handle(body);
                    }
                    body.release();
                    return CompletableFuture.completedFuture(
                            Unpooled.copiedBuffer(new byte[] {1, 2}));
                };
        assertFails(volume.read(0, 4096), ErrorCode.MALFORMED);
    }

    @Test
    void newHeadIsLearnedAndTheWriteKeepsItsNumber() throws Exception {
        join(writeBlocks(3));
        cluster.newHead(new LayerId(2), false);
        CompletableFuture<Void> write = volume.write(0, random(new Random(7), 4096));
        CompletableFuture<ByteBuf> read = volume.read(4096, 1);
        cluster.newHead(new LayerId(2), true);
        join(List.of(write));
        assertThat(bytesOf(read)).hasSize(1);
        assertThat(cluster.blocks.effects()).isEqualTo(4);
        assertThat(cluster.blocks.widestWindow()).isLessThan(5);
    }

    @Test
    void givenUpWriteKeepsItsPlaceAndLaterWritesToItsBytesWaitForIt() throws Exception {
        client.close();
        client = connect(config(cluster).withRequestTimeout(Duration.ofMillis(300)));
        volume = attach(client, Attachment.Mode.READ_WRITE);
        Queue<Runnable> late = new ConcurrentLinkedQueue<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.WRITE || !late.isEmpty()) {
                        return real.handle(body);
                    }
                    CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
                    late.add(() -> real.handle(body).whenComplete((ok, e) -> reply.complete(ok)));
                    return reply;
                };
        ByteBuf old = random(new Random(1), 4096);
        assertFails(volume.write(0, old), ErrorCode.TIMEOUT);
        assertThat(old.refCnt()).isPositive();
        // Elsewhere writes flow; here the new one must not overtake the old one.
        join(List.of(volume.write(8192, random(new Random(2), 4096))));
        CompletableFuture<Void> newer = volume.write(100, random(new Random(3), 4096));
        assertThat(cluster.blocks.effects()).isEqualTo(1);
        late.element().run();
        newer.get(10, TimeUnit.SECONDS);
        byte[] expected = new byte[4096];
        new Random(3).nextBytes(expected);
        assertThat(bytesOf(volume.read(100, 4096))).isEqualTo(expected);
        await().until(() -> old.refCnt() == 0);
    }

    @Test
    void detachWaitsForWhatIsOnItsWay() throws Exception {
        List<Runnable> held = new CopyOnWriteArrayList<>();
        List<Opcode> seen = new CopyOnWriteArrayList<>();
        cluster.fault =
                (node, opcode, body, real) -> {
                    if (opcode != Opcode.GET_MAP) {
                        seen.add(opcode);
                    }
                    if (opcode != Opcode.WRITE) {
                        return real.handle(body);
                    }
                    CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
                    held.add(() -> real.handle(body).whenComplete((ok, e) -> reply.complete(ok)));
                    return reply;
                };
        CompletableFuture<Void> write = volume.write(0, random(new Random(1), 4096));
        await().until(() -> held.size() == 1);
        CompletableFuture<Void> detach = volume.detach();
        assertFails(volume.read(0, 1), ErrorCode.NOT_ATTACHED);
        assertThat(seen).doesNotContain(Opcode.DETACH);
        held.get(0).run();
        detach.get(10, TimeUnit.SECONDS);
        assertThat(write).isCompleted();
        assertThat(volume.closed()).isCompleted();
        assertThat(seen).contains(Opcode.DETACH);
        volume.detach().get(10, TimeUnit.SECONDS);
    }

    @Test
    void metaRequestsFindTheMetaLeader() throws Exception {
        Gateway gateway = new Gateway("gateway-1", "host-1", List.of());
        client.registerGateway(gateway).get(10, TimeUnit.SECONDS);
        cluster.metaLeader = 2;
        client.registerGateway(gateway).get(10, TimeUnit.SECONDS);
        assertFails(client.attach("no-such", Attachment.Mode.READ_WRITE), ErrorCode.NO_SUCH_VOLUME);
    }

    @Test
    void metaGroupWithoutALeaderIsATimeoutThatSaysWhatItMet() {
        cluster.metaLeader = 99;
        CompletableFuture<Void> registering =
                client.registerGateway(new Gateway("gateway-1", "host-1", List.of()));
        assertFails(registering, ErrorCode.TIMEOUT);
        registering.handle(
                (ok, failure) -> {
                    assertThat(failure.toString()).contains("meta group").contains("NOT_LEADER");
                    return null;
                });
    }

    @Test
    void mapIsFollowedWhicheverNodesDie() throws Exception {
        List<Long> versions = new CopyOnWriteArrayList<>();
        client.onImage(image -> versions.add(image.version()));
        for (int victim = 0; victim < FakeCluster.NODES; victim++) {
            cluster.kill(victim);
            cluster.grant(Attachment.Mode.READ_WRITE, "other");
            long version = cluster.image().version();
            await().until(() -> client.image().version() == version);
            cluster.start(victim);
        }
        await().until(() -> versions.contains(cluster.image().version()));
        assertThat(versions).isSorted().doesNotHaveDuplicates();
    }

    @Test
    void clientThatIsClosedFailsWhatIsOnItsWay() {
        cluster.fault =
                (node, opcode, body, real) -> {
                    body.release();
                    return new CompletableFuture<>();
                };
        ByteBuf data = random(new Random(1), 4096);
        CompletableFuture<Void> write = volume.write(0, data);
        client.close();
        assertFails(write, ErrorCode.SHUTTING_DOWN);
        assertFails(volume.closed(), ErrorCode.SHUTTING_DOWN);
        await().until(() -> data.refCnt() == 0);
        assertFails(
                client.attach(FakeCluster.VOLUME, Attachment.Mode.READ_WRITE),
                ErrorCode.SHUTTING_DOWN);
    }

    @Test
    void endpointsThatDoNotAnswerAreNamed() throws IOException {
        MirachClientConfig nowhere =
                MirachClientConfig.of(List.of("127.0.0.1:1"), "g", "h", "s")
                        .withConnectTimeout(Duration.ofMillis(200));
        CompletableFuture<MirachClient> connecting = MirachClients.connect(nowhere);
        assertFails(connecting, ErrorCode.UNREACHABLE);
        connecting.handle(
                (ok, failure) -> {
                    assertThat(Optional.of(failure).map(Throwable::toString).get())
                            .contains("127.0.0.1:1");
                    return null;
                });
    }
}
