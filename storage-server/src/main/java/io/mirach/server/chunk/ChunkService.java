package io.mirach.server.chunk;

import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Sealing;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.Checksum;
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
import io.mirach.protocol.data.WriteIdentity;
import io.mirach.protocol.data.WriteRequest;
import io.mirach.protocol.data.WriteRequestCodec;
import io.mirach.protocol.data.ZeroRequest;
import io.mirach.protocol.data.ZeroRequestCodec;
import io.mirach.raft.ReplicatedLog;
import io.mirach.server.store.AllocatedRuns;
import io.mirach.server.store.BlocksRead;
import io.mirach.server.store.ChunkStore;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StoreException;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers block requests and orders of the placement groups that this node serves. Writes and
 * orders go through the group's log; reads are answered from the store once the log says that this
 * replica may.
 *
 * <p>Threading: any thread; never blocks. Reads run on the reader threads, writes are answered on
 * the apply thread. Every future fails with {@link MirachException}, by itself or as the cause of a
 * CompletionException.
 */
public final class ChunkService implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ChunkService.class);

    private final ChunkServiceConfig config;
    private final PeerRoom peerRoom;
    private final NewHeads newHeads;
    private final DamageListener damageListener;
    private final ByteBufAllocator allocator;
    private final ReaderThreads readers;
    private final Map<PlacementGroupId, ServedGroup> groups = new ConcurrentHashMap<>();

    /**
     * @param peerRoom what the other replicas say of their disks
     * @param newHeads asked about heads that a placement group does not know
     */
    public ChunkService(
            ChunkServiceConfig config,
            PeerRoom peerRoom,
            NewHeads newHeads,
            DamageListener damageListener,
            ByteBufAllocator allocator) {
        this.config = config;
        this.peerRoom = peerRoom;
        this.newHeads = newHeads;
        this.damageListener = damageListener;
        this.allocator = allocator;
        this.readers = new ReaderThreads(config.readerThreads(), config.maxQueuedReads());
    }

    /** Starts to serve a group, or serves it by another log. */
    public void serve(
            PlacementGroupId id, ReplicatedLog<ChunkReply> log, ChunkStateMachine machine) {
        groups.put(id, new ServedGroup(id, log, machine, config.maxWriteBytesInFlight()));
    }

    /** Serves a group no longer. Requests under way end by themselves. */
    public void stop(PlacementGroupId id) {
        groups.remove(id);
    }

    /** The opcodes that this service answers. */
    public Map<Opcode, RequestHandler> handlers() {
        Map<Opcode, RequestHandler> handlers = new EnumMap<>(Opcode.class);
        handlers.put(
                Opcode.WRITE, body -> empty(answer(body, WriteRequestCodec::decode, this::write)));
        handlers.put(
                Opcode.ZERO, body -> empty(answer(body, ZeroRequestCodec::decode, this::zero)));
        handlers.put(
                Opcode.READ,
                body ->
                        answer(body, ReadRequestCodec::decode, this::read)
                                .thenApply(reply -> ReadReplyCodec.encode(reply, allocator)));
        handlers.put(
                Opcode.BLOCK_STATUS,
                body ->
                        answer(body, BlockStatusRequestCodec::decode, this::blockStatus)
                                .thenApply(
                                        reply -> BlockStatusReplyCodec.encode(reply, allocator)));
        handlers.put(
                Opcode.GROUP_ORDER,
                body ->
                        empty(
                                answer(
                                        body,
                                        in -> JsonBody.decode(in, GroupOrder.class),
                                        this::order)));
        return handlers;
    }

    private static <Q, R> CompletableFuture<R> answer(
            ByteBuf body,
            Function<ByteBuf, Q> decoder,
            Function<Q, CompletableFuture<R>> operation) {
        try {
            return operation.apply(decoder.apply(body));
        } catch (MirachException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static CompletableFuture<ByteBuf> empty(CompletableFuture<Void> done) {
        return done.thenApply(nothing -> Unpooled.EMPTY_BUFFER);
    }

    /** Writes; takes ownership of the request's data. Completes once durable on a majority. */
    public CompletableFuture<Void> write(WriteRequest request) {
        ByteBuf data = request.data();
        ServedGroup group = groups.get(request.placementGroup());
        if (group == null) {
            data.release();
            return noSuchGroup(request.placementGroup());
        }
        int length = data.readableBytes();
        if (length == 0
                || length > WriteRequest.MAX_BYTES
                || request.offsetBytes() < 0
                || request.offsetBytes() > Volume.MAX_SIZE_BYTES - length) {
            data.release();
            return failed(
                    ErrorCode.INVALID_ARGUMENT,
                    "write of " + length + " bytes at " + request.offsetBytes());
        }
        if (!Arrays.equals(Checksum.perBlock(request.offsetBytes(), data), request.crcs())) {
            data.release();
            return failed(
                    ErrorCode.CHECKSUM_MISMATCH,
                    "a write to " + request.identity().volume() + " was damaged on its way");
        }
        // What was on its way when room got low is little, and its outcome has to be settled.
        if (!request.unsettled() && isRoomLow(group)) {
            data.release();
            return CompletableFuture.failedFuture(noSpace());
        }
        WriteIdentity identity = request.identity();
        return sealFirst(group, identity.volume(), identity.head())
                .map(
                        sealing ->
                                sealing.thenCompose(
                                        done ->
                                                group.propose(
                                                        ChunkCommandCodec.encode(
                                                                request, allocator))))
                .orElseGet(() -> group.propose(ChunkCommandCodec.encode(request, allocator)));
    }

    /**
     * A request names a head that its group does not know: a snapshot was taken, and this is
     * quicker than the order to seal. Then the group seals first. Empty if there is nothing to wait
     * for; else completes when the request can be judged, never fails.
     */
    private Optional<CompletableFuture<Void>> sealFirst(
            ServedGroup group, VolumeId volume, LayerId head) {
        GroupTables tables = group.machine().tables();
        boolean isNew =
                tables.volume(volume)
                        .filter(state -> !state.volume().head().equals(head))
                        .filter(state -> tables.layer(head).isEmpty())
                        .isPresent();
        // Who does not lead may just be behind.
        if (!isNew || !group.leads()) {
            return Optional.empty();
        }
        return Optional.of(
                group.sealOnce(
                        head,
                        () ->
                                newHeads.sealFor(volume, head)
                                        .thenCompose(seal -> propose(group, volume, seal))));
    }

    private CompletableFuture<Void> propose(
            ServedGroup group, VolumeId volume, Optional<Sealing> seal) {
        return seal.map(s -> GroupOrder.SealLayer.of(group.id(), volume, s))
                .map(order -> group.propose(ChunkCommandCodec.encode(order, allocator)))
                .orElseGet(() -> CompletableFuture.completedFuture(null));
    }

    /** What is logged here is written by every replica, so the fullest disk counts. */
    private boolean isRoomLow(ServedGroup group) {
        return group.machine().store().isSpaceLow() || peerRoom.isLow(group.machine().groupId());
    }

    private static MirachException noSpace() {
        return new MirachException(ErrorCode.NO_SPACE, "the disk of a storage node is nearly full")
                .withRemedy(
                        "Delete volumes or discard blocks, or give the node a larger disk;"
                                + " see `mirach df`.");
    }

    /**
     * Zeroes a range, which needs no space and is never refused for it. Completes once durable on a
     * majority.
     */
    public CompletableFuture<Void> zero(ZeroRequest request) {
        if (request.lengthBytes() <= 0 || request.offsetBytes() < 0) {
            return failed(
                    ErrorCode.INVALID_ARGUMENT,
                    "zero of " + request.lengthBytes() + " bytes at " + request.offsetBytes());
        }
        ServedGroup group = groups.get(request.placementGroup());
        if (group == null) {
            return noSuchGroup(request.placementGroup());
        }
        WriteIdentity identity = request.identity();
        return sealFirst(group, identity.volume(), identity.head())
                .orElseGet(() -> CompletableFuture.completedFuture(null))
                .thenCompose(done -> group.propose(ChunkCommandCodec.encode(request, allocator)));
    }

    /** Logs a change of the group's tables. Completes once durable on a majority. */
    public CompletableFuture<Void> order(GroupOrder order) {
        ServedGroup group = groups.get(order.placementGroup());
        if (group == null) {
            return noSuchGroup(order.placementGroup());
        }
        ByteBuf command;
        try {
            command = ChunkCommandCodec.encode(order, allocator);
        } catch (IllegalArgumentException e) {
            return failed(ErrorCode.INVALID_ARGUMENT, e.getMessage());
        }
        return group.propose(command);
    }

    /** Reads blocks; the caller owns the reply's data. */
    public CompletableFuture<ReadReply> read(ReadRequest request) {
        Version version = new Version(request.volume(), request.epoch(), request.layer());
        return onReader(
                request.placementGroup(),
                version,
                request.strict(),
                (group, tables) -> {
                    VolumeState state = readable(tables, version);
                    require(state.checkBlocks(request.firstBlock(), request.blockCount()), state);
                    BlocksRead blocks =
                            group.machine()
                                    .store()
                                    .read(
                                            version.chain(tables, state),
                                            state.volume().blocksPerExtent(),
                                            request.firstBlock(),
                                            request.blockCount(),
                                            allocator);
                    if (!version.isStillAdmitted(group.machine().tables())) {
                        // Fenced since: what was read may be its successor's.
                        blocks.data().release();
                        throw new MirachException(
                                ErrorCode.FENCED, "refused by " + request.volume());
                    }
                    return new ReadReply(
                            blocks.blockCount(), blocks.present(), blocks.crcs(), blocks.data());
                });
    }

    /** Finds what is allocated of a range in this group. */
    public CompletableFuture<BlockStatusReply> blockStatus(BlockStatusRequest request) {
        Version version = new Version(request.volume(), request.epoch(), request.layer());
        return onReader(
                request.placementGroup(),
                version,
                request.strict(),
                (group, tables) -> {
                    VolumeState state = readable(tables, version);
                    require(state.checkEnd(request.range().endBlock()), state);
                    return blockStatus(group, state, version.chain(tables, state), request);
                });
    }

    private static BlockStatusReply blockStatus(
            ServedGroup group, VolumeState state, List<LayerId> chain, BlockStatusRequest request) {
        int maxRuns = Math.min(request.maxRuns(), BlockStatusReply.MAX_RUNS);
        if (maxRuns < 1) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, "at most " + maxRuns + " runs");
        }
        BlockRange range = request.range();
        AllocatedRuns runs =
                group.machine()
                        .store()
                        .allocated(chain, state.volume().blocksPerExtent(), range, maxRuns);
        return new BlockStatusReply(runs.coveredEndBlock(), runs.runs());
    }

    /**
     * What a read is of: the head, under an attachment that has to be admitted, or a snapshot. The
     * latter needs no attachment: it never changes, so nobody can read in it what came after him,
     * and nobody writes to it.
     */
    private record Version(VolumeId volume, Optional<Epoch> epoch, LayerId layer) {
        List<LayerId> chain(GroupTables tables, VolumeState state) {
            return epoch.isPresent() ? state.chain() : tables.chainOf(layer);
        }

        boolean isStillAdmitted(GroupTables tables) {
            return epoch.isEmpty() || tables.admitsReads(volume, epoch.get());
        }
    }

    private <R> CompletableFuture<R> onReader(
            PlacementGroupId id,
            Version version,
            boolean strict,
            BiFunction<ServedGroup, GroupTables, R> work) {
        ServedGroup group = groups.get(id);
        if (group == null) {
            return noSuchGroup(id);
        }
        // The state is looked at after the log's word: what was acknowledged before the read came
        // is in it. That the lease may end meanwhile does no harm, later state is as good.
        return group.readable(strict)
                .thenCompose(
                        nothing ->
                                version.epoch()
                                        .flatMap(
                                                epoch ->
                                                        sealFirst(
                                                                group,
                                                                version.volume(),
                                                                version.layer()))
                                        .orElseGet(() -> CompletableFuture.completedFuture(null)))
                .thenCompose(nothing -> readers.submit(() -> guarded(group, work)));
    }

    private <R> R guarded(ServedGroup group, BiFunction<ServedGroup, GroupTables, R> work) {
        ChunkStore store = group.machine().store();
        try {
            return work.apply(group, group.machine().tables());
        } catch (DamagedBlockException e) {
            damageListener.damaged(group.machine().groupId(), e.layer(), e.block(), e.getMessage());
            throw new MirachException(ErrorCode.DAMAGED_BLOCK, e.getMessage(), e);
        } catch (StoreException e) {
            if (groups.get(group.id()) != group) {
                throw new MirachException(
                        ErrorCode.NO_SUCH_PLACEMENT_GROUP, group.id() + " left this node", e);
            }
            if (group.machine().store() != store) {
                throw new MirachException(
                        ErrorCode.NOT_READY, group.id() + " is being brought up here", e);
            }
            LOG.error("{} cannot be read", group.id(), e);
            if (e.isCorruption()) {
                damageListener.recordsDamaged(group.machine().groupId(), e.getMessage());
            }
            group.stepAside();
            throw new MirachException(ErrorCode.DAMAGED_BLOCK, e.getMessage(), e);
        }
    }

    private static VolumeState readable(GroupTables tables, Version version) {
        VolumeState state =
                tables.volume(version.volume())
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_VOLUME,
                                                version.volume()
                                                        + " is not in this placement group"));
        if (version.epoch().isPresent()) {
            require(state.checkReader(version.epoch().get()), state);
            require(tables.checkHead(state, version.layer()), state);
        } else {
            require(tables.checkSnapshot(state, version.layer()), state);
        }
        return state;
    }

    private static void require(ErrorCode code, VolumeState state) {
        if (code != ErrorCode.OK) {
            throw new MirachException(code, "refused by " + state.volume().volume());
        }
    }

    private static <R> CompletableFuture<R> noSuchGroup(PlacementGroupId id) {
        return failed(ErrorCode.NO_SUCH_PLACEMENT_GROUP, id + " is not served here");
    }

    private static <R> CompletableFuture<R> failed(ErrorCode code, String detail) {
        return CompletableFuture.failedFuture(new MirachException(code, detail));
    }

    /** Answers no further reads; those that wait fail with SHUTTING_DOWN. */
    @Override
    public void close() {
        groups.clear();
        readers.close();
    }
}
