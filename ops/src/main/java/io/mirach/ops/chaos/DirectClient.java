package io.mirach.ops.chaos;

import io.mirach.client.transport.NodeConnections;
import io.mirach.model.Block;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.Slot;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.protocol.Checksum;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.data.ReadReply;
import io.mirach.protocol.data.ReadReplyCodec;
import io.mirach.protocol.data.ReadRequest;
import io.mirach.protocol.data.ReadRequestCodec;
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * A client that holds the nodes to what the protocol promises, and not to what the ordinary client
 * happens to send: it asks replicas that may not lead for reads, sends a write that is not answered
 * at once to every replica, sends copies of writes long after they were acknowledged, and goes on
 * after it was fenced. Thread-safe; never blocks.
 */
final class DirectClient {
    private static final long HEDGE_AFTER_MS = 100;
    private static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(20);
    private static final int MAX_READS_PER_NODE = 512;
    private static final double COPY_SHARE = 0.15;
    private static final int MAX_COPY_DELAY_MS = 3_000;

    private final String name;
    private final Epoch epoch;
    private final Volume volume;
    private final Supplier<ClusterImage> image;
    private final NodeConnections connections;
    private final History history;
    private final Pace pace;
    private final Random random;
    private final ByteBufAllocator allocator = ByteBufAllocator.DEFAULT;

    private final Map<Slot, SlotSequences> sequences = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> readsInFlight = new ConcurrentHashMap<>();
    // By placement group: the address that answered last.
    private final Map<PlacementGroupId, String> leaders = new ConcurrentHashMap<>();
    private final Set<ErrorCode> refusals = ConcurrentHashMap.newKeySet();

    /**
     * @param connections used by this client alone, closed by its owner
     */
    DirectClient(
            String name,
            Epoch epoch,
            Volume volume,
            Supplier<ClusterImage> image,
            NodeConnections connections,
            History history,
            Pace pace,
            Random random) {
        this.name = name;
        this.epoch = epoch;
        this.volume = volume;
        this.image = image;
        this.connections = connections;
        this.history = history;
        this.pace = pace;
        this.random = random;
    }

    /** Codes with which a node refused something for good. */
    Set<ErrorCode> refusals() {
        return refusals;
    }

    /** Reads a block from one replica, which need not lead. */
    void read(long block) {
        PlacementGroupId group = groupOf(block);
        List<String> replicas = replicasOf(group);
        if (replicas.isEmpty()) {
            return;
        }
        String target = leaders.get(group);
        if (target == null || random.nextBoolean()) {
            target = replicas.get(random.nextInt(replicas.size()));
        }
        readFrom(target, block);
    }

    /**
     * Reads a block from the node at an address. Completes with its value, which is empty if nobody
     * wrote such a block; fails with the node's refusal, or with BACK_PRESSURED when too many reads
     * wait for that node.
     */
    CompletableFuture<OptionalLong> readFrom(String address, long block) {
        AtomicInteger inFlight = readsInFlight.computeIfAbsent(address, key -> new AtomicInteger());
        if (inFlight.incrementAndGet() > MAX_READS_PER_NODE) {
            inFlight.decrementAndGet();
            return CompletableFuture.failedFuture(
                    new MirachException(
                            ErrorCode.BACK_PRESSURED, "many reads wait for " + address));
        }
        History.Call call = history.beginRead(name, epoch.value(), block);
        ByteBuf body =
                ReadRequestCodec.encode(
                        new ReadRequest(
                                groupOf(block), volume.id(), epoch, volume.head(), block, 1, false),
                        allocator);
        return connections
                .request(address, Opcode.READ, body, ATTEMPT_TIMEOUT)
                .thenApply(reply -> valueIn(block, reply))
                .whenComplete(
                        (value, failure) -> {
                            inFlight.decrementAndGet();
                            if (failure == null) {
                                call.returned(value);
                            } else {
                                call.dropped();
                                refused(failure);
                            }
                        });
    }

    /** Takes ownership of the reply. */
    private static OptionalLong valueIn(long block, ByteBuf body) {
        ReadReply reply = ReadReplyCodec.decode(body);
        ByteBuf data = reply.data();
        try {
            if (reply.present()[0] == 0) {
                return OptionalLong.of(Operation.INITIAL);
            }
            boolean intact =
                    Checksum.of(data, data.readerIndex(), data.readableBytes()) == reply.crcs()[0];
            return intact ? RegisterValue.decode(block, data) : OptionalLong.empty();
        } finally {
            data.release();
        }
    }

    /** Writes a new value; completes when the outcome is known, or the attachment was fenced. */
    CompletableFuture<Void> write(long block) {
        return new PendingWrite(block).start();
    }

    private final class PendingWrite {
        private final long block;
        private final Slot slot;
        private final SlotSequences window;
        private final long sequence;
        private final long firstLowest;
        private final History.Call call;
        private final CompletableFuture<Void> ended = new CompletableFuture<>();
        private final AtomicBoolean known = new AtomicBoolean();
        private final Set<String> waitingFor = ConcurrentHashMap.newKeySet();

        PendingWrite(long block) {
            this.block = block;
            this.slot = Slot.ofExtent(block / (volume.extentBytes() / Block.BYTES));
            this.window = sequences.computeIfAbsent(slot, key -> new SlotSequences());
            this.sequence = window.next();
            this.firstLowest = window.lowestUnacknowledged();
            this.call = history.beginWrite(name, epoch.value(), block);
        }

        CompletableFuture<Void> start() {
            String leader = leaders.get(groupOf(block));
            if (leader != null) {
                send(leader);
            }
            hedge();
            return ended;
        }

        /** To every replica that has not got it, again and again, until one has answered. */
        private void hedge() {
            pace.after(
                    leaders.containsKey(groupOf(block)) ? HEDGE_AFTER_MS : 0,
                    () -> {
                        if (!known.get()) {
                            replicasOf(groupOf(block)).forEach(this::send);
                            pace.after(HEDGE_AFTER_MS / 2, this::hedge);
                        }
                    });
        }

        private void send(String address) {
            if (!waitingFor.add(address)) {
                return;
            }
            connections
                    .request(
                            address,
                            Opcode.WRITE,
                            encode(window.lowestUnacknowledged()),
                            ATTEMPT_TIMEOUT)
                    .whenComplete((reply, failure) -> answered(address, reply, failure));
        }

        private ByteBuf encode(long lowestUnacknowledged) {
            ByteBuf data = RegisterValue.encode(block, call.value());
            WriteIdentity identity =
                    new WriteIdentity(
                            volume.id(),
                            epoch,
                            slot,
                            sequence,
                            // It may have been answered meanwhile, and have left the window.
                            Math.min(lowestUnacknowledged, sequence),
                            volume.head());
            long offsetBytes = block * Block.BYTES;
            return WriteRequestCodec.encode(
                    new WriteRequest(
                            groupOf(block),
                            identity,
                            offsetBytes,
                            false,
                            Checksum.perBlock(offsetBytes, data),
                            data),
                    allocator);
        }

        private void answered(String address, ByteBuf reply, Throwable failure) {
            waitingFor.remove(address);
            if (failure == null) {
                reply.release();
                leaders.put(groupOf(block), address);
                if (known.compareAndSet(false, true)) {
                    call.acknowledged();
                    window.acknowledged(sequence);
                    maybeCopyLater();
                    ended.complete(null);
                }
                return;
            }
            leaders.remove(groupOf(block), address);
            ErrorCode code = refused(failure);
            if (code == ErrorCode.FENCED) {
                if (known.compareAndSet(false, true)) {
                    // The attachment is over, and its windows with it.
                    window.acknowledged(sequence);
                    ended.completeExceptionally(failure);
                }
            } else if (code == ErrorCode.STALE_SEQUENCE && !known.get()) {
                call.broke("a write that was never acknowledged is said to have been");
            }
        }

        /** What a network may do: deliver something a second time, much later. */
        private void maybeCopyLater() {
            if (random.nextDouble() >= COPY_SHARE) {
                return;
            }
            pace.after(
                    random.nextInt(MAX_COPY_DELAY_MS),
                    () -> {
                        for (String address : replicasOf(groupOf(block))) {
                            connections
                                    .request(
                                            address,
                                            Opcode.WRITE,
                                            encode(firstLowest),
                                            ATTEMPT_TIMEOUT)
                                    .whenComplete(
                                            (reply, failure) -> {
                                                if (reply != null) {
                                                    reply.release();
                                                }
                                            });
                        }
                    });
        }
    }

    private ErrorCode refused(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        ErrorCode code = cause instanceof MirachException e ? e.code() : ErrorCode.INTERNAL;
        if (code.handling() == ErrorCode.Handling.FAIL) {
            refusals.add(code);
        }
        return code;
    }

    private PlacementGroupId groupOf(long block) {
        return volume.placementGroupOfExtent(block / (volume.extentBytes() / Block.BYTES));
    }

    private List<String> replicasOf(PlacementGroupId id) {
        ClusterImage now = image.get();
        List<String> addresses = new ArrayList<>();
        PlacementGroup group = now.placementGroups().get(id);
        if (group != null) {
            for (Replica replica : group.replicaSet().replicas()) {
                StorageNode node = now.nodes().get(replica.node());
                if (node != null) {
                    addresses.add(node.nativeAddress());
                }
            }
        }
        return addresses;
    }
}
