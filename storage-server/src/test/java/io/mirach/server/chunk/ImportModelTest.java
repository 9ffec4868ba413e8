package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.LayerId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.raft.LogPosition;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StateImport;
import io.mirach.server.store.StatePage;
import io.mirach.server.store.StoreConfigs;
import io.mirach.server.store.StoreDump;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A replica is brought up from another one that goes on changing, in rounds, with streams that
 * break and processes that die at any moment; in the end both hold the same bytes. The seed is the
 * test's parameter; run one again with {@code -Dmirach.seed=N}.
 */
class ImportModelTest {
    private static final int STEPS = 600;
    private static final int MIN_PAGE_BYTES = 8 << 10;

    @TempDir Path dir;

    static List<Long> seeds() {
        Long given = Long.getLong("mirach.seed");
        return given != null ? List.of(given) : List.of(1L, 2L, 3L, System.nanoTime());
    }

    /** One run: a leader that is written to, and a replica that imports from it. */
    private final class Run implements AutoCloseable {
        final Random random;
        final RandomWriter writer;
        final Replica leader = new Replica(dir.resolve("leader"), StoreConfigs.flushed());
        final Replica away = new Replica(dir.resolve("away"), StoreConfigs.unflushed());
        StateExport export;
        StateImport target;
        byte[] from;
        long volumes;
        long oldest = 1;
        int installed;

        Run(long seed) {
            random = new Random(seed);
            writer = new RandomWriter(random);
            leader.apply(
                    Commands.open(Commands.VOLUME, Commands.HEAD),
                    Commands.admit(Commands.VOLUME, 1, Commands.EPOCH));
        }

        void change() {
            List<ByteBuf> batch = new ArrayList<>();
            for (int i = random.nextInt(6); i >= 0; i--) {
                batch.add(writer.command());
            }
            leader.apply(batch);
            int order = random.nextInt(30);
            if (order == 0) {
                openAnother();
            } else if (order == 1 && oldest <= volumes) {
                leader.apply(Commands.drop(new VolumeId(1000 + oldest++)));
            }
        }

        private void openAnother() {
            volumes++;
            VolumeId volume = new VolumeId(1000 + volumes);
            LayerId head = new LayerId(9000 + volumes);
            WriteIdentity identity =
                    new WriteIdentity(volume, Commands.EPOCH, Commands.slotOf(0), 1, 1, head);
            List<ChunkReply> replies =
                    leader.apply(
                            Commands.open(volume, head),
                            Commands.admit(volume, 1, Commands.EPOCH),
                            Commands.write(identity, 0, Commands.filled(20_000, 7), false));
            assertThat(replies).extracting(ChunkReply::code).containsOnly(ErrorCode.OK);
        }

        void begin() {
            target = away.stores().importOf(Replica.GROUP);
            export = leader.machine.store().export();
            target.from(export.position());
            from = new byte[0];
        }

        void breakOff() {
            if (export != null) {
                export.close();
                export = null;
            }
        }

        /** Takes one page, and ends the round behind the last. */
        void step() {
            if (export == null) {
                begin();
            }
            int maxBytes = MIN_PAGE_BYTES + random.nextInt(200 << 10);
            StatePage page = export.read(from, target.since(), maxBytes, ByteBufAllocator.DEFAULT);
            assertThat(page.entries().readableBytes()).isLessThanOrEqualTo(maxBytes);
            target.add(from, page);
            page.entries().release();
            from = target.following(page);
            if (from.length == 0) {
                Optional<LogPosition> whole = target.endRound();
                if (whole.isPresent() && random.nextBoolean()) {
                    assertThat(whole).contains(export.position());
                    install(export.position());
                    assertThat(streamed(away.machine.store().export())).isEqualTo(streamed(export));
                }
                breakOff();
            }
        }

        /** Everything that an export brings, in one piece; it ends with that. */
        private ByteBuf streamed(StateExport read) {
            ByteBuf all = Unpooled.buffer();
            try (read) {
                byte[] next = new byte[0];
                do {
                    StatePage page = read.read(next, -1, 1 << 20, ByteBufAllocator.DEFAULT);
                    all.writeBytes(page.entries());
                    page.entries().release();
                    next = page.next();
                } while (next.length > 0);
            }
            return all;
        }

        void install(LogPosition read) {
            if (random.nextBoolean()) {
                away.restart();
            }
            assertThat(away.machine.imported()).contains(read);
            away.machine.install();
            installed++;
            assertThat(away.machine.imported()).isEmpty();
            assertThat(away.machine.appliedPosition()).isEqualTo(read);
            assertThat(away.machine.durablePosition()).isEqualTo(read);
            assertThat(away.machine.logBase()).isEqualTo(read);
            if (random.nextBoolean()) {
                away.restart();
                assertThat(away.machine.appliedPosition()).isEqualTo(read);
                assertThat(away.machine.logBase()).isEqualTo(read);
            }
        }

        @Override
        public void close() {
            breakOff();
            leader.close();
            away.close();
            writer.release();
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void importedReplicaHoldsTheSameBytes(long seed) {
        try (Run run = new Run(seed)) {
            for (int i = 0; i < 40; i++) {
                run.change();
            }
            run.away.follow(run.leader);
            for (int i = 0; i < STEPS || run.installed == 0; i++) {
                int event = run.random.nextInt(100);
                if (event < 25) {
                    run.change();
                } else if (event < 27) {
                    run.breakOff();
                } else if (event < 28) {
                    run.breakOff();
                    run.away.restart();
                } else {
                    run.step();
                }
            }
            run.away.follow(run.leader);
            run.away.stores().discardImport(Replica.GROUP);
            run.away.machine.checkpoint();
            assertThat(run.leader.damage.blocks).isEmpty();
            assertThat(run.away.damage.blocks).isEmpty();
        }
        assertThat(StoreDump.of(dir.resolve("away"), Replica.GROUP))
                .isEqualTo(StoreDump.of(dir.resolve("leader"), Replica.GROUP));
    }
}
