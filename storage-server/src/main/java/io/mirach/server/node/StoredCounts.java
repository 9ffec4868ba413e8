package io.mirach.server.node;

import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.Opcode;
import io.mirach.server.chunk.ChunkStateMachine;
import io.mirach.server.chunk.StoredCount;
import io.mirach.server.cluster.StoredBytes;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts what volumes store in this node's replicas: when somebody asks, in the background, at a
 * share of one core, and not again while nothing changed or the last count is a few seconds old.
 * Thread-safe; never blocks its caller.
 */
final class StoredCounts {
    private static final Logger LOG = LoggerFactory.getLogger(StoredCounts.class);
    private static final long YOUNG_NANOS = TimeUnit.SECONDS.toNanos(5);
    // Whoever asks gets an older count, or none, rather than wait for a large group's.
    private static final long WAIT_MS = 1_500;
    // Some milliseconds of work; then a pause so many times as long.
    private static final int EXTENTS_PER_STEP = 4096;
    private static final int PAUSE_FACTOR = 4;

    private record Counted(
            ChunkStateMachine machine,
            long appliedIndex,
            long atNanos,
            Map<VolumeId, Long> bytes) {}

    private final Function<PlacementGroupId, Optional<ChunkStateMachine>> machines;
    private final ScheduledExecutorService thread;
    private final LongSupplier nanoTime;
    // Guarded by this.
    private final Map<PlacementGroupId, Counted> newest = new HashMap<>();
    private final Map<PlacementGroupId, CompletableFuture<Void>> underWay = new HashMap<>();

    /**
     * @param thread where counting blocks
     */
    StoredCounts(
            Function<PlacementGroupId, Optional<ChunkStateMachine>> machines,
            ScheduledExecutorService thread,
            LongSupplier nanoTime) {
        this.machines = machines;
        this.thread = thread;
        this.nanoTime = nanoTime;
    }

    /** The opcode that this answers. */
    Map<Opcode, RequestHandler> handlers() {
        return Map.of(
                Opcode.STORED_BYTES,
                body -> answer(JsonBody.decode(body, StoredBytes.Query.class)));
    }

    private CompletableFuture<ByteBuf> answer(StoredBytes.Query query) {
        return ask(query.groups())
                .thenApply(answer -> JsonBody.encode(answer, ByteBufAllocator.DEFAULT));
    }

    CompletableFuture<StoredBytes> ask(List<PlacementGroupId> groups) {
        CompletableFuture<?>[] counts =
                groups.stream().map(this::refreshed).toArray(CompletableFuture[]::new);
        return CompletableFuture.allOf(counts)
                .completeOnTimeout(null, WAIT_MS, TimeUnit.MILLISECONDS)
                .thenApply(done -> newest(groups));
    }

    /** Completes once the newest count of the group is as new as need be, or there can be none. */
    private synchronized CompletableFuture<Void> refreshed(PlacementGroupId group) {
        Optional<ChunkStateMachine> machine = machines.apply(group);
        if (machine.isEmpty()) {
            newest.remove(group);
            return CompletableFuture.completedFuture(null);
        }
        Counted last = newest.get(group);
        if (last != null
                && last.machine() == machine.get()
                && (last.appliedIndex() == machine.get().appliedPosition().index()
                        || nanoTime.getAsLong() - last.atNanos() < YOUNG_NANOS)) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> running = underWay.get(group);
        if (running == null) {
            running = new CompletableFuture<>();
            underWay.put(group, running);
            long index = machine.get().appliedPosition().index();
            Counted begun = new Counted(machine.get(), index, nanoTime.getAsLong(), Map.of());
            later(group, () -> step(group, begun, machine.get().countStored()), 0);
        }
        return running;
    }

    private void later(PlacementGroupId group, Runnable task, long delayNanos) {
        try {
            thread.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            ended(group, Optional.empty());
        }
    }

    private void step(PlacementGroupId group, Counted begun, StoredCount count) {
        long from = nanoTime.getAsLong();
        try {
            if (count.step(EXTENTS_PER_STEP)) {
                ended(
                        group,
                        Optional.of(
                                new Counted(
                                        begun.machine(),
                                        begun.appliedIndex(),
                                        begun.atNanos(),
                                        count.bytes())));
                return;
            }
        } catch (RuntimeException e) {
            // The group is being closed, or its disk fails, which those who read and write report.
            LOG.debug("cannot count what is stored in {}", group, e);
            ended(group, Optional.empty());
            return;
        }
        long pauseNanos = (nanoTime.getAsLong() - from) * PAUSE_FACTOR;
        later(group, () -> step(group, begun, count), pauseNanos);
    }

    private void ended(PlacementGroupId group, Optional<Counted> counted) {
        CompletableFuture<Void> waiting;
        synchronized (this) {
            counted.ifPresent(result -> newest.put(group, result));
            waiting = underWay.remove(group);
        }
        waiting.complete(null);
    }

    private synchronized StoredBytes newest(List<PlacementGroupId> groups) {
        List<PlacementGroupId> counted = new ArrayList<>();
        Map<Long, Long> sums = new TreeMap<>();
        for (PlacementGroupId group : groups) {
            Counted count = newest.get(group);
            if (count != null) {
                counted.add(group);
                count.bytes().forEach((volume, b) -> sums.merge(volume.value(), b, Long::sum));
            }
        }
        return new StoredBytes(
                counted,
                sums.entrySet().stream()
                        .map(e -> new StoredBytes.OfVolume(new VolumeId(e.getKey()), e.getValue()))
                        .toList());
    }
}
