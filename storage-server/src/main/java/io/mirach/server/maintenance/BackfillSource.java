package io.mirach.server.maintenance;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Frame;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.LogPosition;
import io.mirach.raft.ReplicaStatus;
import io.mirach.raft.ReplicatedLog;
import io.mirach.server.chunk.ChunkStateMachine;
import io.mirach.server.chunk.DamageListener;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StatePage;
import io.mirach.server.store.StoreException;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives the state of the groups that this node leads to replicas that the log cannot help. A
 * session holds the state as of one log position, and the log behind it: until the replica has
 * caught up by that, or the log takes half of what is free on the disk. Thread-safe; never blocks
 * its caller.
 */
public final class BackfillSource {
    private static final Logger LOG = LoggerFactory.getLogger(BackfillSource.class);
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long SWEEP_MS = 1_000;
    private static final int MAX_SESSIONS = 8;
    // So near to its leader, a replica needs nothing that the log would not keep anyway.
    private static final long CAUGHT_UP_BYTES = 8 << 20;
    private static final int PAGE_BYTES =
            Frame.MAX_BODY_BYTES - BackfillMessages.pageOverheadBytes();

    /** A group that this node holds. */
    public record Held(ChunkStateMachine machine, ReplicatedLog<?> log, LongSupplier freeBytes) {}

    /** Finds them. */
    public interface Groups {
        Optional<Held> find(UUID dataDir, UUID raftGroupId);
    }

    /** A replica that is brought up. Fields that change are guarded by this. */
    private static final class Session {
        final BackfillMessages.Open order;
        final Held group;
        final StateExport export;
        final ReplicatedLog.LogPin pin;
        long usedNanos;
        long matchIndex = -1;
        boolean reading = true;

        Session(BackfillMessages.Open order, Held group, StateExport export, long nowNanos) {
            this.order = order;
            this.group = group;
            this.export = export;
            this.usedNanos = nowNanos;
            LongSupplier free = group.freeBytes();
            this.pin = group.log().pin(export.position().index(), () -> free.getAsLong() / 2);
        }

        synchronized void used(long nowNanos) {
            usedNanos = nowNanos;
        }

        /** Whether the state, and later only the log, is still needed. */
        synchronized boolean isNeeded(long nowNanos) {
            ReplicaStatus status = group.log().status();
            if (!reading) {
                if (status.role() != ReplicaStatus.Role.LEADER) {
                    return false;
                }
                long match =
                        status.followers().stream()
                                .filter(f -> f.peer().equals(order.replica()))
                                .mapToLong(ReplicaStatus.Follower::matchIndex)
                                .findFirst()
                                .orElse(-1);
                if (bytesBehind(status, match) <= CAUGHT_UP_BYTES) {
                    return false;
                }
                if (match > matchIndex) {
                    matchIndex = match;
                    usedNanos = nowNanos;
                }
            }
            return nowNanos - usedNanos < IDLE_NANOS;
        }

        private static long bytesBehind(ReplicaStatus leader, long matchIndex) {
            long entries = Math.max(1, leader.commitIndex() - leader.logStartIndex() + 1);
            double behind = Math.max(0, leader.commitIndex() - matchIndex);
            return (long) (leader.logBytes() * Math.min(1, behind / entries));
        }

        synchronized void endReading(long nowNanos) {
            reading = false;
            usedNanos = nowNanos;
            export.close();
        }

        void close() {
            export.close();
            pin.close();
        }
    }

    private final Groups groups;
    private final DamageListener damageListener;
    private final ScheduledExecutorService thread;
    private final LongSupplier nanoTime;
    private final ByteBufAllocator allocator;
    private final Map<Long, Session> sessions = new ConcurrentHashMap<>();

    /**
     * @param thread where reading blocks; not closed here
     */
    public BackfillSource(
            Groups groups,
            DamageListener damageListener,
            ScheduledExecutorService thread,
            LongSupplier nanoTime,
            ByteBufAllocator allocator) {
        this.groups = groups;
        this.damageListener = damageListener;
        this.thread = thread;
        this.nanoTime = nanoTime;
        this.allocator = allocator;
    }

    /** Begins to look after sessions that nobody ends; ends with the thread. */
    public void start() {
        thread.scheduleWithFixedDelay(this::sweep, SWEEP_MS, SWEEP_MS, TimeUnit.MILLISECONDS);
    }

    /** The opcodes that this answers. */
    public Map<Opcode, RequestHandler> handlers() {
        return Map.of(
                Opcode.BACKFILL_OPEN,
                body -> {
                    BackfillMessages.Open order =
                            JsonBody.decode(body, BackfillMessages.Open.class);
                    return later(() -> JsonBody.encode(open(order), allocator));
                },
                Opcode.BACKFILL_READ,
                body -> {
                    BackfillMessages.Read read = JsonBody.decode(body, BackfillMessages.Read.class);
                    return later(() -> BackfillMessages.encode(read(read), allocator));
                },
                Opcode.BACKFILL_CLOSE,
                body -> {
                    BackfillMessages.Close close =
                            JsonBody.decode(body, BackfillMessages.Close.class);
                    return later(() -> close(close));
                });
    }

    private CompletableFuture<ByteBuf> later(Supplier<ByteBuf> work) {
        try {
            return CompletableFuture.supplyAsync(work, thread);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(
                    new MirachException(ErrorCode.SHUTTING_DOWN, "this node is stopping", e));
        }
    }

    // ---- On the thread ----

    private BackfillMessages.Opened open(BackfillMessages.Open order) {
        Held group =
                groups.find(order.source(), order.raftGroupId())
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                                                "group " + order.raftGroupId() + " is not here"));
        ReplicaStatus status = group.log().status();
        if (status.role() != ReplicaStatus.Role.LEADER) {
            throw MirachException.notLeader(status.leader());
        }
        // One that comes again has lost its session.
        sessions.forEach(
                (id, session) -> {
                    if (session.order.raftGroupId().equals(order.raftGroupId())
                            && session.order.replica().equals(order.replica())) {
                        end(id);
                    }
                });
        if (sessions.size() >= MAX_SESSIONS) {
            throw new MirachException(
                    ErrorCode.BACK_PRESSURED, MAX_SESSIONS + " backfills are served already");
        }
        return reading(group, () -> begin(order, group));
    }

    private BackfillMessages.Opened begin(BackfillMessages.Open order, Held group) {
        StateExport export = group.machine().export();
        try {
            LogPosition position = export.position();
            long blocks = export.countBlocks(order.since());
            long id = ThreadLocalRandom.current().nextLong();
            sessions.put(id, new Session(order, group, export, nanoTime.getAsLong()));
            LOG.info(
                    "data dir {} is brought up in group {}: {} blocks as of entry {}",
                    order.replica(),
                    order.raftGroupId(),
                    blocks,
                    position.index());
            return new BackfillMessages.Opened(id, position, blocks);
        } catch (RuntimeException e) {
            export.close();
            throw e;
        }
    }

    private StatePage read(BackfillMessages.Read read) {
        Session session = sessions.get(read.session());
        if (session == null) {
            throw new MirachException(ErrorCode.NOT_READY, "this backfill has ended");
        }
        session.used(nanoTime.getAsLong());
        return reading(
                session.group,
                () ->
                        session.export.read(
                                read.from(), session.order.since(), PAGE_BYTES, allocator));
    }

    private <T> T reading(Held group, Supplier<T> work) {
        try {
            return work.get();
        } catch (DamagedBlockException e) {
            // The next leader may have it whole.
            damageListener.damaged(group.machine().groupId(), e.layer(), e.block(), e.getMessage());
            throw new MirachException(ErrorCode.DAMAGED_BLOCK, e.getMessage(), e);
        } catch (StoreException e) {
            throw new MirachException(ErrorCode.NOT_READY, e.getMessage(), e);
        }
    }

    private ByteBuf close(BackfillMessages.Close close) {
        Session session = sessions.get(close.session());
        if (session != null) {
            session.endReading(nanoTime.getAsLong());
        }
        return Unpooled.EMPTY_BUFFER;
    }

    private void sweep() {
        for (Iterator<Map.Entry<Long, Session>> each = sessions.entrySet().iterator();
                each.hasNext(); ) {
            Map.Entry<Long, Session> entry = each.next();
            boolean needed;
            try {
                needed = entry.getValue().isNeeded(nanoTime.getAsLong());
            } catch (RuntimeException closing) {
                LOG.debug("a group that was read from is gone", closing);
                needed = false;
            }
            if (!needed) {
                end(entry.getKey());
            }
        }
    }

    private void end(Long id) {
        Session session = sessions.remove(id);
        if (session != null) {
            session.close();
        }
    }
}
