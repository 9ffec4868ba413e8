package io.mirach.server.maintenance;

import io.mirach.model.LayerId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.mirach.server.chunk.ChunkStateMachine;
import io.mirach.server.chunk.DamageListener;
import io.mirach.server.chunk.Repair;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.cluster.StoredBytesSurvey;
import io.mirach.server.store.BlockCopy;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StoreException;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers what is damaged in this node's replicas, and puts it right by copies from the others.
 * Until then a damaged block is not served here, and a replica that has one hands leadership to one
 * that has none. A copy shows which entries it is as of, and is used only where it is certain that
 * no entry in between changed the block. Thread-safe; never blocks its caller.
 */
public final class Repairs implements DamageListener, AutoCloseable {
    /** So many damaged blocks of one replica are remembered; one with more is to be made anew. */
    public static final int MAX_BLOCKS = 1_000;

    private static final Logger LOG = LoggerFactory.getLogger(Repairs.class);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);
    private static final long APPLY_TIMEOUT_MS = 5_000;
    private static final int MAX_COPIES = 5;
    private static final long FIRST_RETRY_MS = 500;
    private static final long LAST_RETRY_MS = 30_000;
    private static final long HAND_OVER_NANOS = TimeUnit.SECONDS.toNanos(10);
    // Entries that a follower may lack and still be asked to lead.
    private static final long CAUGHT_UP_ENTRIES = 256;
    private static final int MAX_LOGGED = 20;
    private static final long END_SECONDS = 10;

    /** A replica of this node. */
    public record Held(UUID dataDir, ChunkStateMachine machine, ReplicatedLog<?> log) {}

    /** Finds them. */
    public interface Replicas {
        Optional<Held> find(UUID raftGroupId);
    }

    private record BlockAddress(LayerId layer, long block) {}

    /** What is known of one replica. Guarded by the outer object. */
    private static final class Damage {
        final Map<BlockAddress, String> blocks = new LinkedHashMap<>();
        Optional<String> beyondRepair = Optional.empty();
        final Set<BlockAddress> replaced = new LinkedHashSet<>();
        long repaired;
        boolean underWay;
        long retryMs = FIRST_RETRY_MS;
        long handedOverNanos = System.nanoTime() - HAND_OVER_NANOS;
    }

    private final Replicas replicas;
    private final StoredBytesSurvey.Channel channel;
    private final Function<UUID, Optional<String>> addressOfDataDir;
    private final ByteBufAllocator allocator;
    private final Map<UUID, Damage> damages = new HashMap<>();
    private final ScheduledExecutorService thread = thread("mirach-repair");
    // Its own: two nodes that ask each other must not wait for each other.
    private final ScheduledExecutorService sourceThread = thread("mirach-repair-source");

    /**
     * @param addressOfDataDir the native address of the node that holds a data dir
     */
    public Repairs(
            Replicas replicas,
            StoredBytesSurvey.Channel channel,
            Function<UUID, Optional<String>> addressOfDataDir,
            ByteBufAllocator allocator) {
        this.replicas = replicas;
        this.channel = channel;
        this.addressOfDataDir = addressOfDataDir;
        this.allocator = allocator;
    }

    private static ScheduledExecutorService thread(String name) {
        return Executors.newSingleThreadScheduledExecutor(
                task -> {
                    Thread made = new Thread(task, name);
                    made.setDaemon(true);
                    return made;
                });
    }

    // ---- What is damaged ----

    @Override
    public synchronized void damaged(UUID groupId, LayerId layer, long block, String how) {
        Damage damage = damages.computeIfAbsent(groupId, id -> new Damage());
        BlockAddress address = new BlockAddress(layer, block);
        if (damage.blocks.containsKey(address)) {
            return;
        }
        if (damage.blocks.size() >= MAX_BLOCKS) {
            beyondRepair(groupId, damage, "more than " + MAX_BLOCKS + " blocks are damaged");
            return;
        }
        damage.blocks.put(address, how);
        if (damage.blocks.size() <= MAX_LOGGED) {
            LOG.error(
                    "Block {} of {} in group {} is damaged here and not served until it is"
                            + " repaired from another replica; the disk may be failing: {}",
                    block,
                    layer,
                    groupId,
                    how);
        }
        damage.retryMs = FIRST_RETRY_MS;
        if (!damage.underWay) {
            damage.underWay = true;
            repairLater(groupId, 0);
        }
    }

    @Override
    public synchronized void recordsDamaged(UUID groupId, String how) {
        beyondRepair(
                groupId,
                damages.computeIfAbsent(groupId, id -> new Damage()),
                "records cannot be read: " + how);
    }

    private static void beyondRepair(UUID groupId, Damage damage, String because) {
        if (damage.beyondRepair.isEmpty()) {
            damage.beyondRepair = Optional.of(because);
            LOG.error("The replica of {} here is to be made anew: {}", groupId, because);
        }
    }

    /** The replica is gone, or its state is. */
    public synchronized void forget(UUID groupId) {
        damages.remove(groupId);
    }

    /** How a replica of this node is. */
    public synchronized NodeHeartbeat.Damage damageOf(UUID groupId) {
        Damage damage = damages.get(groupId);
        return damage == null
                ? NodeHeartbeat.Damage.NONE
                : new NodeHeartbeat.Damage(
                        damage.blocks.size(), damage.repaired, damage.beyondRepair);
    }

    private synchronized Set<BlockAddress> blocks(UUID groupId) {
        Damage damage = damages.get(groupId);
        return damage == null ? Set.of() : new LinkedHashSet<>(damage.blocks.keySet());
    }

    // ---- The other side ----

    /** The opcodes that this answers. */
    public Map<Opcode, RequestHandler> handlers() {
        return Map.of(
                Opcode.COPY_BLOCK,
                body -> {
                    RepairMessages.Ask ask = JsonBody.decode(body, RepairMessages.Ask.class);
                    try {
                        return CompletableFuture.supplyAsync(
                                () -> RepairMessages.encode(copy(ask), allocator), sourceThread);
                    } catch (RejectedExecutionException e) {
                        return CompletableFuture.failedFuture(
                                new MirachException(
                                        ErrorCode.SHUTTING_DOWN, "this node is stopping", e));
                    }
                });
    }

    private RepairMessages.Answer copy(RepairMessages.Ask ask) {
        Held held =
                replicas.find(ask.raftGroupId())
                        .filter(found -> found.dataDir().equals(ask.dataDir()))
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                                                "group " + ask.raftGroupId() + " is not here"));
        Optional<BlockCopy> copy;
        try {
            copy = held.machine().copy(new LayerId(ask.layer()), ask.block());
        } catch (DamagedBlockException e) {
            damaged(ask.raftGroupId(), e.layer(), e.block(), e.getMessage());
            copy = Optional.empty();
        } catch (StoreException e) {
            throw new MirachException(ErrorCode.NOT_READY, e.getMessage(), e);
        }
        return new RepairMessages.Answer(damageOf(ask.raftGroupId()).weight(), copy);
    }

    // ---- On the thread ----

    private void repairLater(UUID groupId, long delayMs) {
        try {
            thread.schedule(() -> run(groupId), delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("stopping; what is damaged is found again", e);
        }
    }

    private void run(UUID groupId) {
        String failure = "its replica is not served here";
        try {
            Optional<Held> held = replicas.find(groupId);
            if (held.isPresent()) {
                failure = repairAll(held.get(), groupId);
            }
        } catch (InterruptedException e) {
            return;
        } catch (StoreException e) {
            // Closed, to be moved or made anew; or its disk fails, which ends the process.
            failure = e.getMessage();
        } catch (RuntimeException e) {
            failure = e.toString();
            LOG.error("group {} cannot be repaired yet", groupId, e);
        }
        ended(groupId, failure);
    }

    /** Returns why something is left; empty if it was only found meanwhile. */
    private String repairAll(Held held, UUID groupId) throws InterruptedException {
        held.machine().holdGarbageCollection(true);
        String failure = "";
        for (BlockAddress address : blocks(groupId)) {
            String why = repair(held, groupId, address);
            failure = why.isEmpty() ? failure : why;
        }
        if (blocks(groupId).isEmpty()) {
            clear(held, groupId);
        }
        return failure;
    }

    /** All is repaired; what was there before must go. */
    private void clear(Held held, UUID groupId) {
        for (BlockAddress address : replaced(groupId)) {
            held.machine().dropReplaced(address.layer(), address.block());
        }
        held.machine().holdGarbageCollection(false);
    }

    private synchronized List<BlockAddress> replaced(UUID groupId) {
        Damage damage = damages.get(groupId);
        if (damage == null) {
            return List.of();
        }
        List<BlockAddress> replaced = List.copyOf(damage.replaced);
        damage.replaced.clear();
        return replaced;
    }

    private synchronized void ended(UUID groupId, String failure) {
        Damage damage = damages.get(groupId);
        if (damage == null) {
            return;
        }
        if (damage.blocks.isEmpty()) {
            damage.underWay = false;
            LOG.info(
                    "Group {} has no damaged block here any more; {} were repaired since the start",
                    groupId,
                    damage.repaired);
            return;
        }
        if (failure.isEmpty()) {
            repairLater(groupId, 0);
            return;
        }
        if (damage.retryMs == FIRST_RETRY_MS) {
            LOG.warn(
                    "{} damaged blocks of group {} are not repaired yet, tried again: {}",
                    damage.blocks.size(),
                    groupId,
                    failure);
        }
        repairLater(groupId, damage.retryMs);
        damage.retryMs = Math.min(2 * damage.retryMs, LAST_RETRY_MS);
    }

    /** Returns why it is not repaired; empty if it is. */
    private String repair(Held held, UUID groupId, BlockAddress address)
            throws InterruptedException {
        String failure = "no other replica is known";
        for (UUID peer : peers(held)) {
            for (int copies = 0; copies < MAX_COPIES; copies++) {
                RepairMessages.Answer answer;
                try {
                    answer = ask(held, peer, address);
                } catch (MirachException e) {
                    failure = e.getMessage();
                    break;
                }
                if (answer.damagedBlocks() == 0) {
                    handOver(held, groupId, peer);
                }
                if (answer.copy().isEmpty()) {
                    failure = "data dir " + peer + " has no intact copy of block " + address.block;
                    break;
                }
                Repair outcome = install(held, answer.copy().get());
                if (outcome != Repair.OUTDATED) {
                    repaired(groupId, address, outcome, peer);
                    return "";
                }
                failure = "block " + address.block + " lies where much is written";
            }
        }
        return failure;
    }

    private static List<UUID> peers(Held held) {
        ReplicaStatus status = held.log().status();
        List<UUID> peers = new ArrayList<>();
        // The leader is the furthest.
        status.leader().ifPresent(peers::add);
        status.members().voters().stream().filter(p -> !peers.contains(p)).forEach(peers::add);
        peers.remove(held.dataDir());
        return peers;
    }

    private RepairMessages.Answer ask(Held held, UUID peer, BlockAddress address)
            throws InterruptedException {
        String node =
                addressOfDataDir
                        .apply(peer)
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_NODE,
                                                "no node holds data dir " + peer));
        RepairMessages.Ask ask =
                new RepairMessages.Ask(
                        peer, held.machine().groupId(), address.layer().value(), address.block());
        try {
            RepairMessages.Answer answer =
                    RepairMessages.decode(
                            channel.request(
                                            node,
                                            Opcode.COPY_BLOCK,
                                            JsonBody.encode(ask, allocator),
                                            ANSWER_TIMEOUT)
                                    .get(2 * ANSWER_TIMEOUT.toSeconds(), TimeUnit.SECONDS));
            boolean other =
                    answer.copy()
                            .filter(
                                    copy ->
                                            copy.block() != address.block()
                                                    || !copy.layer().equals(address.layer()))
                            .isPresent();
            if (other) {
                throw new MirachException(ErrorCode.INTERNAL, node + " sent another block");
            }
            return answer;
        } catch (ExecutionException e) {
            throw new MirachException(
                    ErrorCode.UNREACHABLE, node + ": " + e.getCause().getMessage(), e);
        } catch (TimeoutException e) {
            throw new MirachException(ErrorCode.TIMEOUT, node + " does not answer", e);
        }
    }

    /** Whoever leads serves, and this replica cannot serve everything. */
    private void handOver(Held held, UUID groupId, UUID peer) {
        ReplicaStatus status = held.log().status();
        boolean mayLead =
                status.members().voters().contains(peer)
                        && status.followers().stream()
                                .filter(f -> f.peer().equals(peer) && !f.needsBackfill())
                                .anyMatch(
                                        f ->
                                                status.commitIndex() - f.matchIndex()
                                                        <= CAUGHT_UP_ENTRIES);
        if (status.role() != ReplicaStatus.Role.LEADER || !mayLead) {
            return;
        }
        synchronized (this) {
            Damage damage = damages.get(groupId);
            if (damage == null || System.nanoTime() - damage.handedOverNanos < HAND_OVER_NANOS) {
                return;
            }
            damage.handedOverNanos = System.nanoTime();
        }
        held.log()
                .transferLeadership(peer)
                .whenComplete(
                        (done, failure) -> {
                            if (failure != null) {
                                LOG.warn("{} cannot hand leadership over", groupId, failure);
                            }
                        });
    }

    private static Repair install(Held held, BlockCopy copy) throws InterruptedException {
        CompletableFuture<Repair> outcome = held.machine().repair(copy);
        try {
            return outcome.get(APPLY_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            // This replica is too far behind that one; later it is not.
            return Repair.OUTDATED;
        } finally {
            outcome.cancel(false);
        }
    }

    private synchronized void repaired(
            UUID groupId, BlockAddress address, Repair outcome, UUID peer) {
        Damage damage = damages.get(groupId);
        if (damage == null || damage.blocks.remove(address) == null) {
            return;
        }
        if (outcome == Repair.DONE) {
            damage.repaired++;
            damage.replaced.add(address);
            LOG.info(
                    "Block {} of {} in group {} is repaired from data dir {}",
                    address.block(),
                    address.layer(),
                    groupId,
                    peer);
        }
    }

    /** Waits for what is under way. */
    @Override
    public void close() {
        thread.shutdownNow();
        sourceThread.shutdownNow();
        try {
            if (!thread.awaitTermination(END_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("a repair takes long to break off");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
