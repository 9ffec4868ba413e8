package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.model.LayerId;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.server.cluster.ReplicaDigest;
import io.mirach.server.maintenance.Digests;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StateDigest;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StatePage;
import io.mirach.server.store.StoreConfigs;
import io.mirach.server.store.StoreTampering;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replicas are hashed where their logs order it: equal if, and only if, they hold the same. */
class DigestTest {
    private static final UUID DIR = new UUID(3, 3);
    private static final long FAST = 1L << 40;
    private static final int MIN_PAGE_BYTES = 8 << 10;

    @TempDir Path folder;
    private Replica leader;
    private Replica follower;
    private long admissions = 1;

    @BeforeEach
    void open() {
        leader = new Replica(folder.resolve("leader"), StoreConfigs.flushed());
        follower = new Replica(folder.resolve("follower"), StoreConfigs.unflushed());
        leader.apply(
                Commands.open(Commands.VOLUME, Commands.HEAD),
                Commands.admit(Commands.VOLUME, 1, Commands.EPOCH));
    }

    @AfterEach
    void close() {
        for (Replica replica : List.of(leader, follower)) {
            replica.digestsOrdered.forEach(ordered -> ordered.state().close());
            replica.close();
        }
    }

    private static ByteBuf order(long id) {
        return Commands.order(new GroupOrder.TakeDigest(Commands.PG, id, List.of()));
    }

    private static String digest(StateExport state, Random pages) {
        StateDigest digest = new StateDigest();
        byte[] from = new byte[0];
        do {
            int maxBytes = MIN_PAGE_BYTES + pages.nextInt(200 << 10);
            StatePage page = state.read(from, -1, maxBytes, ByteBufAllocator.DEFAULT);
            digest.add(page);
            page.entries().release();
            from = page.next();
        } while (from.length > 0);
        assertThat(digest.blocks()).isEqualTo(state.countBlocks(-1));
        return digest.end();
    }

    private static String digestNow(Replica replica) {
        try (StateExport state = replica.machine.export()) {
            return digest(state, new Random(1));
        }
    }

    @Test
    void layersAndSnapshotsArePartOfIt() {
        LayerId next = new LayerId(200);
        follower.apply(
                Commands.open(Commands.VOLUME, Commands.HEAD),
                Commands.admit(Commands.VOLUME, 1, Commands.EPOCH));
        for (Replica replica : List.of(leader, follower)) {
            replica.apply(Commands.write(0, 1, Commands.filled(4096, 1)));
        }
        String before = digestNow(leader);
        assertThat(digestNow(follower)).isEqualTo(before);
        // The same blocks in the same layers, but another snapshot.
        leader.apply(Commands.seal(Commands.HEAD, next, 100));
        follower.apply(Commands.seal(Commands.HEAD, next, 101));
        assertThat(digestNow(leader)).isNotEqualTo(before).isNotEqualTo(digestNow(follower));
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3})
    void replicasAreEqualWhereTheOrderStandsHoweverTheyKeepTheirFiles(long seed) {
        Random random = new Random(seed);
        RandomWriter writer = new RandomWriter(random);
        for (int round = 1; round <= 8; round++) {
            write(writer, random, 10);
            List<ByteBuf> entry = new ArrayList<>();
            // Its entry counts as a whole, also what stands behind the order.
            entry.add(writer.command());
            entry.add(order(round));
            entry.add(writer.command());
            leader.apply(entry);
            assertThat(last(leader).state().position()).isEqualTo(leader.machine.appliedPosition());
            write(writer, random, 3);
            if (random.nextBoolean()) {
                follower.follow(leader);
                follower.machine.checkpoint();
            }
            if (random.nextBoolean()) {
                forget(follower);
                follower.restart();
            }
            if (random.nextBoolean()) {
                leader.machine.checkpoint();
            }
            follower.follow(leader);
            Replica.Ordered asLed = last(leader);
            assertThat(asLed.id()).isEqualTo(round);
            if (!follower.digestsOrdered.isEmpty() && last(follower).id() == round) {
                Replica.Ordered asFollowed = last(follower);
                assertThat(asFollowed.state().position()).isEqualTo(asLed.state().position());
                assertThat(digest(asFollowed.state(), random))
                        .as("seed %s round %s", seed, round)
                        .isEqualTo(digest(asLed.state(), random))
                        .isNotEqualTo(digestNow(leader));
            }
            assertThat(digestNow(follower)).isEqualTo(digestNow(leader));
        }
        writer.release();
    }

    private void write(RandomWriter writer, Random random, int entries) {
        for (int i = 0; i < entries; i++) {
            List<ByteBuf> batch = new ArrayList<>();
            for (int n = random.nextInt(4); n >= 0; n--) {
                batch.add(writer.command());
            }
            leader.apply(batch);
        }
        // What always changes.
        leader.apply(Commands.admit(Commands.VOLUME, ++admissions, Commands.EPOCH));
    }

    private static Replica.Ordered last(Replica replica) {
        return replica.digestsOrdered.get(replica.digestsOrdered.size() - 1);
    }

    private static void forget(Replica replica) {
        replica.digestsOrdered.forEach(ordered -> ordered.state().close());
        replica.digestsOrdered.clear();
    }

    // ---- What must not stay hidden ----

    private String tampered(Consumer<Path> tampering) {
        for (int block = 0; block < 20; block++) {
            leader.apply(
                    Commands.write(
                            (long) block * 4096, block + 1, Commands.filled(4096, 1 + block)));
        }
        follower.follow(leader);
        follower.machine.checkpoint();
        assertThat(digestNow(follower)).isEqualTo(digestNow(leader));
        follower.closeStores();
        tampering.accept(follower.dir);
        follower.openStores();
        return digestNow(follower);
    }

    @Test
    void anotherByteInABlockWithARightChecksumShows() {
        String changed =
                tampered(
                        dir ->
                                StoreTampering.replaceBlock(
                                        dir, Replica.GROUP, Commands.HEAD, 7, 200));
        assertThat(changed).isNotEqualTo(digestNow(leader));
    }

    @Test
    void windowThatDiffersShows() {
        String changed =
                tampered(
                        dir ->
                                StoreTampering.removeWindow(
                                        dir,
                                        Replica.GROUP,
                                        Commands.VOLUME,
                                        Commands.EPOCH,
                                        Commands.slotOf(0)));
        assertThat(changed).isNotEqualTo(digestNow(leader));
    }

    @Test
    void missingBlockIsDamage() {
        assertThatThrownBy(
                        () ->
                                tampered(
                                        dir ->
                                                StoreTampering.removeBlock(
                                                        dir, Replica.GROUP, Commands.HEAD, 7)))
                .isInstanceOf(DamagedBlockException.class)
                .hasMessageContaining("block 7 of layer 100");
    }

    @Test
    void wrongChecksumIsDamage() {
        assertThatThrownBy(
                        () ->
                                tampered(
                                        dir ->
                                                StoreTampering.damageBlock(
                                                        dir, Replica.GROUP, Commands.HEAD, 7)))
                .isInstanceOf(DamagedBlockException.class)
                .hasMessageContaining("block 7 of layer 100");
    }

    // ---- In the background ----

    private final RecordedDamage damage = new RecordedDamage();
    private final AtomicBoolean spaceLow = new AtomicBoolean();

    private Digests digests(long bytesPerSecond) {
        return new Digests(
                (dir, group) -> OptionalLong.of(99),
                damage,
                new Digests.Pace(bytesPerSecond, FAST),
                ByteBufAllocator.DEFAULT);
    }

    private void begin(Digests digests, long id) {
        begin(digests, id, List.of());
    }

    private void begin(Digests digests, long id, List<UUID> only) {
        digests.begin(
                DIR,
                Replica.GROUP,
                new DigestOrder(id, only),
                leader.machine.export(),
                spaceLow::get);
    }

    private static ReplicaDigest answer(Digests digests, long id) {
        return digests.answer(new ReplicaDigest.Query(DIR, Replica.GROUP, id));
    }

    private static ReplicaDigest ended(Digests digests, long id) {
        return Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .until(
                        () -> answer(digests, id),
                        digest -> digest.state() != ReplicaDigest.State.RUNNING);
    }

    private void fill() {
        for (int extent = 0; extent < 16; extent++) {
            int offset = extent * Commands.EXTENT_BYTES;
            leader.apply(
                    Commands.write(offset, 1, Commands.filled(Commands.EXTENT_BYTES, 5 + extent)));
        }
    }

    @Test
    void resultIsKeptAndTheFirstOrderOfAnIdCounts() {
        fill();
        String expected = digestNow(leader);
        try (Digests digests = digests(FAST)) {
            assertThat(answer(digests, 5).state()).isEqualTo(ReplicaDigest.State.UNKNOWN);
            assertThat(answer(digests, 5).index()).isEqualTo(99);
            long index = leader.machine.appliedPosition().index();
            begin(digests, 5);
            leader.apply(Commands.zero(0, 2, 4096));
            begin(digests, 5);
            ReplicaDigest digest = ended(digests, 5);
            assertThat(digest.state()).isEqualTo(ReplicaDigest.State.DONE);
            assertThat(digest.sha256()).isEqualTo(expected);
            assertThat(digest.index()).isEqualTo(index);
            assertThat(digest.doneBlocks()).isEqualTo(256);
            assertThat(digest.totalBlocks()).isEqualTo(256);
            begin(digests, 6);
            assertThat(ended(digests, 6).sha256()).isNotEqualTo(expected);
            for (long id = 7; id < 12; id++) {
                begin(digests, id);
            }
            assertThat(answer(digests, 5).state()).isEqualTo(ReplicaDigest.State.UNKNOWN);
        }
    }

    @Test
    void digestOfSomeIsTakenAtItsOwnPace() {
        fill();
        try (Digests digests = digests(1)) {
            begin(digests, 1, List.of(DIR));
            assertThat(ended(digests, 1).state()).isEqualTo(ReplicaDigest.State.DONE);
        }
    }

    @Test
    void newerOrderReplacesOneThatIsNotDone() {
        fill();
        try (Digests digests = digests(1)) {
            begin(digests, 1);
            begin(digests, 2);
            assertThat(answer(digests, 1).state()).isEqualTo(ReplicaDigest.State.FAILED);
            assertThat(answer(digests, 1).detail()).contains("newer");
            assertThat(answer(digests, 2).state()).isEqualTo(ReplicaDigest.State.RUNNING);
            digests.close();
            assertThat(answer(digests, 2).state()).isEqualTo(ReplicaDigest.State.FAILED);
        }
    }

    @Test
    void stateIsLetGoWhenTheDiskIsNearlyFullOrTheReplicaIsClosed() {
        fill();
        try (Digests digests = digests(FAST)) {
            spaceLow.set(true);
            begin(digests, 1);
            assertThat(ended(digests, 1).detail()).contains("nearly full");
            spaceLow.set(false);
            StateExport state = leader.machine.export();
            leader.closeStores();
            digests.begin(DIR, Replica.GROUP, new DigestOrder(2, List.of()), state, spaceLow::get);
            assertThat(ended(digests, 2).state()).isEqualTo(ReplicaDigest.State.FAILED);
            leader.openStores();
        }
    }

    @Test
    void damageIsReported() {
        fill();
        leader.machine.checkpoint();
        leader.closeStores();
        StoreTampering.damageBlock(leader.dir, Replica.GROUP, new LayerId(100), 21);
        leader.openStores();
        try (Digests digests = digests(FAST)) {
            begin(digests, 1);
            assertThat(ended(digests, 1).state()).isEqualTo(ReplicaDigest.State.DAMAGED);
            assertThat(answer(digests, 1).detail()).contains("block 21 of layer 100");
            assertThat(damage.blocks).extracting(RecordedDamage.Block::block).containsExactly(21L);
        }
    }
}
