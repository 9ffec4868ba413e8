package io.mirach.server.chunk;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.LayerId;
import io.mirach.server.store.BlockCopy;
import io.mirach.server.store.StateDigests;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StoreConfigs;
import io.mirach.server.store.StoreTampering;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A replica whose blocks are damaged at random gets copies of them from another one, taken and used
 * at random moments while both go on applying, in any order, and after crashes. Whatever is stored
 * in the end is what the log says.
 */
class RepairModelTest {
    private static final int STEPS = 400;

    private static final int SEEDS = 6;
    private static final int OUTCOMES = 3;
    private static final int REPAIRED = 0;
    private static final int OUTDATED = 1;
    private static final int AWAITED = 2;

    private record Damaged(LayerId layer, long block) {}

    /** A copy on its way, or waiting for what the replica has not applied. */
    private record Sent(Damaged of, BlockCopy copy, Optional<CompletableFuture<Repair>> outcome) {}

    @TempDir Path folder;

    @Test
    void damagedReplicaBecomesWhatTheLogSays() {
        int[] outcomes = new int[OUTCOMES];
        for (long seed = 1; seed <= SEEDS; seed++) {
            Path dir = folder.resolve("whole-" + seed);
            Path other = folder.resolve("damaged-" + seed);
            try (Replica whole = new Replica(dir, StoreConfigs.unflushed());
                    Replica damaged = new Replica(other, StoreConfigs.unflushed())) {
                new Run(new Random(seed), whole, damaged, outcomes).run("seed " + seed);
            }
        }
        // Else it shows nothing.
        assertThat(outcomes).doesNotContain(0);
    }

    private static final class Run {
        private final Random random;
        private final Replica whole;
        private final Replica damaged;
        private final RandomWriter writer;
        private final Set<Damaged> open = new HashSet<>();
        private final List<Sent> sent = new ArrayList<>();
        private final int[] outcomes;

        Run(Random random, Replica whole, Replica damaged, int[] outcomes) {
            this.outcomes = outcomes;
            this.random = random;
            this.whole = whole;
            this.damaged = damaged;
            this.writer = new RandomWriter(random);
        }

        void run(String name) {
            whole.apply(
                    Commands.open(Commands.VOLUME, Commands.HEAD),
                    Commands.admit(Commands.VOLUME, 1, Commands.EPOCH));
            for (int step = 0; step < STEPS; step++) {
                int kind = random.nextInt(100);
                if (kind < 45) {
                    whole.apply(writer.command(), writer.command());
                } else if (kind < 65) {
                    damaged.follow(whole, 1 + random.nextInt(4));
                } else if (kind < 68) {
                    damage();
                } else if (kind < 71) {
                    damaged.machine.checkpoint();
                    whole.machine.checkpoint();
                } else if (kind < 72) {
                    crash();
                } else if (kind < 85) {
                    copyOne();
                } else {
                    useOne();
                }
                settle();
            }
            damaged.follow(whole);
            for (int round = 0; !open.isEmpty(); round++) {
                assertThat(round).as(name).isLessThan(10);
                open.forEach(this::copy);
                while (!sent.isEmpty()) {
                    useOne();
                    settle();
                }
                look();
            }
            assertThat(digest(damaged)).as(name).isEqualTo(digest(whole));
            writer.release();
        }

        /** Something that is durable gets a wrong value. */
        private void damage() {
            damaged.machine.checkpoint();
            damaged.closeStores();
            int count = 1 + random.nextInt(3);
            for (int i = 0; i < count; i++) {
                StoreTampering.damageRandomBlock(damaged.dir, Replica.GROUP, random);
            }
            reopen();
        }

        private void crash() {
            damaged.closeStores();
            reopen();
        }

        private void reopen() {
            damaged.openStores();
            // With the process, what waited is gone.
            sent.removeIf(each -> each.outcome().isPresent());
            look();
        }

        /** What a scrub finds. */
        private void look() {
            try (StateExport state = damaged.machine.export()) {
                StateDigests.read(
                        state, found -> open.add(new Damaged(found.layer(), found.block())));
            }
            patched();
        }

        private void patched() {
            damaged.damage.blocks.forEach(
                    found -> open.add(new Damaged(found.layer(), found.block())));
            damaged.damage.blocks.clear();
        }

        private void copyOne() {
            patched();
            if (!open.isEmpty()) {
                List<Damaged> all = new ArrayList<>(open);
                copy(all.get(random.nextInt(all.size())));
            }
        }

        private void copy(Damaged which) {
            whole.machine
                    .copy(which.layer(), which.block())
                    .ifPresent(copy -> sent.add(new Sent(which, copy, Optional.empty())));
        }

        private void useOne() {
            if (sent.isEmpty()) {
                return;
            }
            Sent one = sent.remove(random.nextInt(sent.size()));
            CompletableFuture<Repair> outcome =
                    one.outcome().orElseGet(() -> damaged.machine.repair(one.copy()));
            sent.add(new Sent(one.of(), one.copy(), Optional.of(outcome)));
            if (!outcome.isDone()) {
                outcomes[AWAITED]++;
            }
        }

        private void settle() {
            for (Iterator<Sent> each = sent.iterator(); each.hasNext(); ) {
                Sent one = each.next();
                if (one.outcome().filter(CompletableFuture::isDone).isEmpty()) {
                    continue;
                }
                each.remove();
                if (one.outcome().get().join() == Repair.OUTDATED) {
                    outcomes[OUTDATED]++;
                } else {
                    outcomes[REPAIRED]++;
                    open.remove(one.of());
                }
            }
        }

        private static String digest(Replica replica) {
            try (StateExport state = replica.machine.export()) {
                return StateDigests.of(state);
            }
        }
    }
}
