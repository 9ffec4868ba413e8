package io.mirach.ops.chaos;

import io.mirach.admin.DetachRequest;
import io.mirach.client.AttachOptions;
import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.client.MirachClientConfig;
import io.mirach.client.MirachClients;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Attachment;
import io.mirach.model.Block;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongFunction;

/**
 * A few hot blocks in every placement group, each a register: many calls at once write values that
 * nobody else writes, and read. Half of the blocks are written through the ordinary client, half by
 * the {@link DirectClient}, which also reads them all. Further blocks, the cold ones, are written
 * once and then read.
 */
final class RegistersWorkload implements Workload {
    private static final String VOLUME = "registers";
    private static final String SECRET = "chaos";
    private static final int EXTENT_BYTES = Volume.MIN_EXTENT_BYTES;
    private static final int[] BLOCKS_IN_EXTENT = {0, 5};
    // Of each placement group, in the order of their numbers: whose blocks they hold.
    private static final int SESSION_EXTENT = 0;
    private static final int DIRECT_EXTENT = 1;
    private static final int COLD_EXTENT = 2;
    private static final int BLOCKS_PER_EXTENT = EXTENT_BYTES / Block.BYTES;
    private static final int SESSION_WRITERS = 4;
    private static final int SESSION_READERS = 2;
    private static final int DIRECT_WRITERS = 6;
    private static final int DIRECT_READERS = 2;
    private static final int WRITE_PAUSE_MS = 50;
    private static final int READ_PAUSE_MS = 12;
    // Every refused write is one more of unknown outcome to keep.
    private static final int FENCED_PAUSE_MS = 500;
    private static final int LIMIT_SECONDS = 180;

    private final Cluster cluster;
    private final History history;
    private final Random random;
    private final EventLoops loops = EventLoops.start("chaos-clients", 1);
    private final Pace pace = new Pace("chaos-pace");

    private final List<Long> sessionBlocks = new ArrayList<>();
    private final List<Long> directBlocks = new ArrayList<>();
    private final List<Long> coldBlocks = new ArrayList<>();
    // By extent.
    private final List<Integer> groups = new ArrayList<>();
    // For ballast, which nobody reads.
    private final Map<PlacementGroupId, List<Integer>> otherExtents = new HashMap<>();
    private int gateways = 1;
    private int holders;
    private Holder current;
    // Fenced, and at work all the same, until the next one is.
    private Optional<Holder> fenced = Optional.empty();

    RegistersWorkload(Cluster cluster, History history, Random random) {
        this.cluster = cluster;
        this.history = history;
        this.random = random;
    }

    @Override
    public void start() throws InterruptedException {
        cluster.createVolume(VOLUME, (long) Slot.COUNT * EXTENT_BYTES, EXTENT_BYTES);
        current = attach(AttachOptions.of(Attachment.Mode.READ_WRITE));
        renewColdBlocks();
        startLanes(current);
    }

    /** Another client takes over, and the one that it took over from goes on as if it had not. */
    void takeOver() throws InterruptedException {
        AttachOptions options = AttachOptions.of(Attachment.Mode.READ_WRITE);
        switch (random.nextInt(3)) {
            case 0 -> {
                // The same owner, who proves it.
            }
            case 1 -> {
                gateways++;
                options = AttachOptions.forced(Attachment.Mode.READ_WRITE);
            }
            default -> {
                gateways++;
                cluster.admin().detach(VOLUME, new DetachRequest(true));
            }
        }
        Holder next = attach(options);
        fenced.ifPresent(Holder::close);
        fenced = Optional.of(current);
        current = next;
        startLanes(next);
    }

    private Holder attach(AttachOptions options) throws InterruptedException {
        MirachClientConfig config =
                MirachClientConfig.of(cluster.endpoints(), "chaos-" + gateways, "chaos", SECRET);
        MirachClient client = await(MirachClients.connect(config, loops), "a client to connect");
        try {
            AttachedVolume volume = await(client.attach(VOLUME, options), "the attachment");
            history.granted(volume.epoch().value());
            if (sessionBlocks.isEmpty()) {
                chooseBlocks(client.image().volumeNamed(VOLUME).orElseThrow());
            }
            return new Holder("client-" + ++holders, client, volume, loops, history, pace, random);
        } catch (RuntimeException e) {
            client.close();
            throw e;
        }
    }

    private void chooseBlocks(Volume volume) {
        Map<PlacementGroupId, List<Integer>> extents = new TreeMap<>();
        for (int extent = 0; extent < Slot.COUNT; extent++) {
            groups.add(volume.placementGroupOfExtent(extent).value());
            extents.computeIfAbsent(volume.placementGroupOfExtent(extent), id -> new ArrayList<>())
                    .add(extent);
        }
        extents.forEach(
                (group, its) -> {
                    for (int block : BLOCKS_IN_EXTENT) {
                        sessionBlocks.add(firstBlock(its.get(SESSION_EXTENT)) + block);
                        directBlocks.add(firstBlock(its.get(DIRECT_EXTENT)) + block);
                    }
                    for (int block = 0; block < BLOCKS_PER_EXTENT; block++) {
                        coldBlocks.add(firstBlock(its.get(COLD_EXTENT)) + block);
                    }
                    otherExtents.put(group, its.subList(COLD_EXTENT + 1, its.size()));
                });
    }

    private static long firstBlock(int extent) {
        return (long) extent * BLOCKS_PER_EXTENT;
    }

    /** The blocks that are read only, since they were written once: they come to lie in files. */
    List<Long> coldBlocks() {
        return List.copyOf(coldBlocks);
    }

    /** The placement group in which a block lies. */
    int groupOf(long block) {
        return groups.get((int) (block / BLOCKS_PER_EXTENT));
    }

    /** Writes the cold blocks anew. */
    void renewColdBlocks() throws InterruptedException {
        awaitAll(
                coldBlocks.stream().map(current.session()::write).toList(),
                "the cold blocks to be written");
    }

    /**
     * Writes to every placement group, and reads every register; returns the groups that refused
     * with NO_SPACE. Fails with {@link ChaosException} if anything else failed.
     */
    Set<Integer> refusingGroups() throws InterruptedException {
        Set<Integer> refusing = new ConcurrentSkipListSet<>();
        List<CompletableFuture<Void>> calls = new ArrayList<>();
        for (long block : sessionBlocks) {
            calls.add(
                    current.session()
                            .write(block)
                            .exceptionally(
                                    failure -> {
                                        if (!SessionClient.isRefusal(failure)) {
                                            throw new CompletionException(failure);
                                        }
                                        refusing.add(groupOf(block));
                                        return null;
                                    }));
        }
        allBlocks().forEach(block -> calls.add(current.session().read(block)));
        awaitAll(calls, "writes to be taken or refused, and reads to be answered");
        return refusing;
    }

    private List<Long> allBlocks() {
        List<Long> all = new ArrayList<>(sessionBlocks);
        all.addAll(directBlocks);
        all.addAll(coldBlocks);
        return all;
    }

    /** Writes so much to one placement group, beside the registers: its log grows. */
    void fill(PlacementGroupId group, long bytes) throws InterruptedException {
        List<Integer> extents = otherExtents.get(group);
        for (long done = 0; done < bytes; ) {
            List<CompletableFuture<Void>> calls = new ArrayList<>();
            for (int extent : extents) {
                calls.add(current.session().writeBallast(firstBlock(extent), EXTENT_BYTES));
                done += EXTENT_BYTES;
            }
            awaitAll(calls, "ballast to be written");
        }
    }

    private void startLanes(Holder holder) {
        for (int i = 0; i < SESSION_WRITERS; i++) {
            sessionLane(holder, sessionBlocks, holder.session()::write, WRITE_PAUSE_MS);
        }
        List<Long> all = allBlocks();
        for (int i = 0; i < SESSION_READERS; i++) {
            sessionLane(holder, all, holder.session()::read, READ_PAUSE_MS);
        }
        for (int i = 0; i < DIRECT_WRITERS; i++) {
            directWrites(holder, WRITE_PAUSE_MS);
        }
        for (int i = 0; i < DIRECT_READERS; i++) {
            directReads(holder, all);
        }
    }

    /** One call after the other, until the attachment is over. */
    private void sessionLane(
            Holder holder,
            List<Long> blocks,
            LongFunction<CompletableFuture<Void>> call,
            int pauseMs) {
        pace.after(
                random.nextInt(pauseMs),
                () -> {
                    if (!holder.isClosed()) {
                        call.apply(oneOf(blocks))
                                .whenComplete(
                                        (done, failure) -> {
                                            if (failure == null
                                                    || SessionClient.isRefusal(failure)) {
                                                sessionLane(holder, blocks, call, pauseMs);
                                            }
                                        });
                    }
                });
    }

    /** One call after the other, fenced or not. */
    private void directWrites(Holder holder, int pauseMs) {
        pace.after(
                random.nextInt(pauseMs),
                () -> {
                    if (!holder.isClosed()) {
                        holder.direct()
                                .write(oneOf(directBlocks))
                                .whenComplete(
                                        (done, failure) ->
                                                directWrites(
                                                        holder,
                                                        failure == null
                                                                ? WRITE_PAUSE_MS
                                                                : FENCED_PAUSE_MS));
                    }
                });
    }

    /** At a fixed rate, whether they are answered or not. */
    private void directReads(Holder holder, List<Long> blocks) {
        pace.after(
                random.nextInt(READ_PAUSE_MS),
                () -> {
                    if (!holder.isClosed()) {
                        holder.direct().read(oneOf(blocks));
                        directReads(holder, blocks);
                    }
                });
    }

    private long oneOf(List<Long> blocks) {
        return blocks.get(random.nextInt(blocks.size()));
    }

    @Override
    public void confirmAll() throws InterruptedException {
        pace.failure()
                .ifPresent(
                        e -> {
                            throw new ChaosException("the workload itself failed: " + e, e);
                        });
        List<CompletableFuture<Void>> calls = new ArrayList<>();
        for (long block : sessionBlocks) {
            calls.add(
                    current.session()
                            .write(block)
                            .thenCompose(written -> current.session().read(block)));
        }
        for (long block : directBlocks) {
            calls.add(
                    current.direct()
                            .write(block)
                            .thenCompose(written -> current.session().read(block)));
        }
        for (long block : coldBlocks) {
            calls.add(current.session().read(block));
        }
        awaitAll(calls, "every register to be written and read");
    }

    private static void awaitAll(List<CompletableFuture<Void>> calls, String what)
            throws InterruptedException {
        await(CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new)), what);
    }

    private static <T> T await(CompletableFuture<T> future, String what)
            throws InterruptedException {
        try {
            return future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            ErrorCode code =
                    e.getCause() instanceof MirachException m ? m.code() : ErrorCode.INTERNAL;
            throw new ChaosException(
                    "waited for " + what + " and got " + code + ": " + e.getCause().getMessage(),
                    e.getCause());
        } catch (TimeoutException e) {
            throw new ChaosException("waited " + LIMIT_SECONDS + " s in vain for " + what, e);
        }
    }

    @Override
    public void close() {
        pace.close();
        fenced.ifPresent(Holder::close);
        if (current != null) {
            current.close();
        }
        loops.close();
    }
}
