package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.SnapshotView;
import io.mirach.cli.CliClock;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Block;
import io.mirach.model.Slot;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A writer over NBD that keeps an ordered journal over all placement groups: entry {@code i + 1} is
 * written once {@code i} is acknowledged. It is snapshotted again and again, also while a leader is
 * killed. Every snapshot, read over NBD, is a prefix of the journal.
 */
@Timeout(180)
class SnapshotJournalIT {
    private static final String VOLUME = "journal";
    private static final int SNAPSHOTS = 52;
    private static final Set<Integer> KILLS = Set.of(12, 27, 42);
    private static final int PLACEMENT_GROUPS = 4;
    private static final int EXTENT_BYTES = Volume.MIN_EXTENT_BYTES;
    private static final int LIMIT_SECONDS = 90;

    /**
     * A snapshot that was taken.
     *
     * @param acknowledgedBefore the newest entry that was acknowledged before it was asked for
     * @param issuedAfter the newest entry that had been issued when it was said to be ready
     * @param longestWriteMs of those that overlap with that time
     */
    private record Taken(
            String name, long acknowledgedBefore, long issuedAfter, double longestWriteMs) {}

    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);
    private final AtomicBoolean enough = new AtomicBoolean();
    private final AtomicLong issued = new AtomicLong();
    private final AtomicLong acknowledged = new AtomicLong();
    // Of the writes that ended since somebody looked.
    private final AtomicLong longestNanos = new AtomicLong();
    // Of those during which no snapshot was taken.
    private final Queue<Long> quietNanos = new ConcurrentLinkedQueue<>();
    private volatile boolean taking;

    @TempDir Path folder;

    @Test
    void everySnapshotIsAPrefix() throws Exception {
        System.out.println("SnapshotJournalIT seed " + seed);
        Path launcher = Path.of(System.getProperty("mirach.home"), "bin", "mirach");
        try (Cluster cluster =
                        new Cluster(
                                new LoopbackNetwork(3, random, "not needed"),
                                3,
                                PLACEMENT_GROUPS,
                                Equipment.build(launcher, folder, Set.of()),
                                CliClock.system());
                EventLoops loops = EventLoops.start("journal", 2)) {
            cluster.start();
            cluster.createVolume(VOLUME, (long) Slot.COUNT * EXTENT_BYTES, EXTENT_BYTES);
            Gateway gateway = cluster.newGateway();
            gateway.start();
            cluster.await("the gateway to listen", gateway::isListening);
            List<Taken> taken = new ArrayList<>();
            try (NbdDisk disk = new NbdDisk(gateway.uri(VOLUME), loops)) {
                CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> write(disk));
                cluster.await("a full journal", () -> acknowledged.get() > 2 * Slot.COUNT);
                for (int i = 0; i < SNAPSHOTS; i++) {
                    takeOne(cluster, "s" + i, KILLS.contains(i)).ifPresent(taken::add);
                }
                enough.set(true);
                writer.get(LIMIT_SECONDS, TimeUnit.SECONDS);
                assertThat(read(disk)).as("the head").isEqualTo(journal(acknowledged.get()));
            }
            report(taken);
            assertThat(taken).hasSizeGreaterThanOrEqualTo(50);
            for (Taken each : taken) {
                try (NbdDisk disk = new NbdDisk(gateway.uri(VOLUME + "@" + each.name()), loops)) {
                    check(each, read(disk));
                }
            }
            assertThat(cluster.admin().snapshots(VOLUME))
                    .extracting(SnapshotView::name)
                    .containsAll(taken.stream().map(Taken::name).toList());
            assertThat(cluster.compareReplicas()).as("replicas, with all layers").isEmpty();
        }
    }

    private void write(NbdDisk disk) {
        try {
            while (!enough.get()) {
                long number = issued.incrementAndGet();
                boolean quiet = !taking;
                long begunAtNanos = System.nanoTime();
                disk.write(blockOf(slotOf(number)), content(number), false);
                acknowledged.set(number);
                long tookNanos = System.nanoTime() - begunAtNanos;
                longestNanos.accumulateAndGet(tookNanos, Math::max);
                if (quiet && !taking) {
                    quietNanos.add(tookNanos);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Empty if there is none: the node that was asked was killed. */
    private Optional<Taken> takeOne(Cluster cluster, String name, boolean kill) throws Exception {
        ClusterNode victim = cluster.someLeader(random);
        long before = acknowledged.get();
        cluster.await("a quiet write", () -> acknowledged.get() > before + 2);
        longestNanos.set(0);
        taking = true;
        long acknowledgedBefore = acknowledged.get();
        CompletableFuture<SnapshotView> answer =
                CompletableFuture.supplyAsync(
                        () ->
                                cluster.admin()
                                        .createSnapshot(VOLUME, new CreateSnapshotRequest(name)));
        if (kill) {
            victim.kill();
        }
        boolean isThere = true;
        try {
            answer.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            assertThat(kill).as(name + " fails only by a kill: " + e).isTrue();
            isThere = wasTaken(cluster, name);
        }
        long after = issued.get();
        // The write that is under way counts too.
        cluster.await("a write after it", () -> acknowledged.get() >= after);
        taking = false;
        if (kill) {
            victim.start();
            cluster.awaitAnswer(victim);
            cluster.awaitServing();
        }
        return isThere
                ? Optional.of(new Taken(name, acknowledgedBefore, after, longestNanos.get() / 1e6))
                : Optional.empty();
    }

    /** Looks what became of it, as an administrator would. */
    private static boolean wasTaken(Cluster cluster, String name) throws InterruptedException {
        AtomicBoolean isThere = new AtomicBoolean();
        cluster.await(
                "the outcome of " + name,
                () -> {
                    Optional<SnapshotView> found =
                            cluster.admin().snapshots(VOLUME).stream()
                                    .filter(snapshot -> snapshot.name().equals(name))
                                    .findFirst();
                    isThere.set(found.isPresent());
                    return found.isEmpty() || found.get().state() == Snapshot.State.READY;
                });
        return isThere.get();
    }

    private void report(List<Taken> taken) {
        List<Double> pauses =
                taken.stream()
                        .filter(t -> !KILLS.contains(Integer.parseInt(t.name().substring(1))))
                        .map(Taken::longestWriteMs)
                        .sorted()
                        .toList();
        List<Long> quiet = quietNanos.stream().sorted().toList();
        System.out.printf(
                "SnapshotJournalIT: %d snapshots, %d writes; a write while none was taken: median"
                        + " %.1f ms, p99 %.1f ms; longest write around one without a kill: median"
                        + " %.1f ms, p90 %.1f ms, at most %.1f ms%n",
                taken.size(),
                acknowledged.get(),
                quiet.get(quiet.size() / 2) / 1e6,
                quiet.get(quiet.size() * 99 / 100) / 1e6,
                pauses.get(pauses.size() / 2),
                pauses.get(pauses.size() * 9 / 10),
                pauses.get(pauses.size() - 1));
    }

    private static int slotOf(long number) {
        return (int) (number % Slot.COUNT);
    }

    private static long blockOf(int slot) {
        return (long) slot * EXTENT_BYTES / Block.BYTES;
    }

    private static byte[] content(long number) {
        ByteBuffer content = ByteBuffer.allocate(Block.BYTES);
        while (content.hasRemaining()) {
            content.putLong(number);
        }
        return content.array();
    }

    /** The entry in each slot; 0 for none. */
    private static List<Long> read(NbdDisk disk) throws InterruptedException {
        List<Long> found = new ArrayList<>();
        for (int slot = 0; slot < Slot.COUNT; slot++) {
            byte[] block = disk.read(blockOf(slot));
            long number = ByteBuffer.wrap(block).getLong();
            assertThat(block).as("slot %d is whole", slot).isEqualTo(content(number));
            found.add(number);
        }
        return found;
    }

    /** What the slots hold when all entries up to one are there, and no other. */
    private static List<Long> journal(long newest) {
        List<Long> slots = new ArrayList<>();
        for (int slot = 0; slot < Slot.COUNT; slot++) {
            slots.add(newest - Math.floorMod(newest - slot, (long) Slot.COUNT));
        }
        return slots;
    }

    private void check(Taken taken, List<Long> found) {
        long newest = found.stream().max(Long::compare).orElseThrow();
        assertThat(found).as("%s is a prefix (seed %d)", taken, seed).isEqualTo(journal(newest));
        assertThat(newest)
                .as("%s has what was acknowledged before it, and no more than was issued", taken)
                .isBetween(taken.acknowledgedBefore(), taken.issuedAfter());
    }
}
