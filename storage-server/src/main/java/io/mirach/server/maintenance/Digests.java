package io.mirach.server.maintenance;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.server.chunk.DamageListener;
import io.mirach.server.chunk.DigestOrder;
import io.mirach.server.cluster.ReplicaDigest;
import io.mirach.server.store.DamagedBlockException;
import io.mirach.server.store.StateDigest;
import io.mirach.server.store.StateExport;
import io.mirach.server.store.StatePage;
import io.mirach.server.store.StoreException;
import io.mirach.server.transport.RequestHandler;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hashes this node's replicas as of the entries that order it, one after the other, no faster than
 * configured, and verifies every block on the way. Of each replica at most one state is held: a
 * newer order takes the place of one that is not done. Results are kept in memory, the newest few.
 * Thread-safe; never blocks its caller.
 */
public final class Digests implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Digests.class);
    private static final int PAGE_BYTES = 1 << 20;
    private static final int KEPT_PER_REPLICA = 4;
    private static final long END_SECONDS = 10;

    /** Finds how far a replica of this node is. */
    public interface Replicas {
        /** The newest index that it has applied; empty if it is not here. */
        OptionalLong appliedIndex(UUID dataDir, UUID raftGroupId);
    }

    /**
     * How fast replicas are read, in bytes per second over all replicas of this node.
     *
     * @param urgent while something waits for the result
     */
    public record Pace(long leisurely, long urgent) {
        long of(DigestOrder order) {
            return order.urgent() ? urgent : leisurely;
        }
    }

    private record Key(UUID dataDir, UUID raftGroupId) {}

    private static final class Job {
        final Key key;
        final DigestOrder order;
        final long index;
        final BooleanSupplier isSpaceLow;
        // Closed by whoever takes it out: the thread, which alone reads it, or a newer order.
        final AtomicReference<StateExport> waiting;
        private ReplicaDigest digest;

        Job(Key key, DigestOrder order, StateExport state, BooleanSupplier isSpaceLow) {
            this.key = key;
            this.order = order;
            this.index = state.position().index();
            this.isSpaceLow = isSpaceLow;
            this.waiting = new AtomicReference<>(state);
            this.digest = new ReplicaDigest(ReplicaDigest.State.RUNNING, index, "", 0, 0, 0, "");
        }

        synchronized ReplicaDigest digest() {
            return digest;
        }

        synchronized boolean isRunning() {
            return digest.state() == ReplicaDigest.State.RUNNING;
        }

        /** Only the first end counts. */
        synchronized void set(
                ReplicaDigest.State state,
                String sha256,
                long doneBlocks,
                long totalBlocks,
                long bytes,
                String detail) {
            if (digest.state() == ReplicaDigest.State.RUNNING) {
                digest =
                        new ReplicaDigest(
                                state, index, sha256, doneBlocks, totalBlocks, bytes, detail);
            }
        }

        synchronized void end(ReplicaDigest.State state, String detail) {
            set(
                    state,
                    "",
                    digest.doneBlocks(),
                    digest.totalBlocks(),
                    digest.bytes(),
                    String.valueOf(detail));
        }

        /** Gives it up; does not wait for the thread. */
        void giveUp(String because) {
            end(ReplicaDigest.State.FAILED, because);
            Optional.ofNullable(waiting.getAndSet(null)).ifPresent(StateExport::close);
        }
    }

    private final Replicas replicas;
    private final DamageListener damageListener;
    private final Pace pace;
    private final ByteBufAllocator allocator;
    // Guarded by this; the oldest first.
    private final Map<Key, Deque<Job>> jobs = new HashMap<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final ExecutorService thread =
            Executors.newSingleThreadExecutor(
                    task -> {
                        Thread made = new Thread(task, "mirach-digest");
                        made.setDaemon(true);
                        return made;
                    });

    public Digests(
            Replicas replicas,
            DamageListener damageListener,
            Pace pace,
            ByteBufAllocator allocator) {
        this.replicas = replicas;
        this.damageListener = damageListener;
        this.pace = pace;
        this.allocator = allocator;
    }

    /**
     * A replica is to be hashed. The first order of an id counts.
     *
     * @param state owned by this from now on
     * @param isSpaceLow whether the disk has no room for what is overwritten meanwhile
     */
    public synchronized void begin(
            UUID dataDir,
            UUID raftGroupId,
            DigestOrder order,
            StateExport state,
            BooleanSupplier isSpaceLow) {
        Key key = new Key(dataDir, raftGroupId);
        Deque<Job> known = jobs.computeIfAbsent(key, k -> new ArrayDeque<>());
        if (known.stream().anyMatch(job -> job.order.id() == order.id())) {
            state.close();
            return;
        }
        known.forEach(job -> job.giveUp("a newer digest of this replica was ordered"));
        Job job = new Job(key, order, state, isSpaceLow);
        known.add(job);
        if (known.size() > KEPT_PER_REPLICA) {
            known.remove();
        }
        try {
            thread.execute(() -> run(job));
        } catch (RejectedExecutionException e) {
            job.giveUp("the node is stopping");
        }
    }

    /** The opcode that this answers. */
    public Map<Opcode, RequestHandler> handlers() {
        return Map.of(
                Opcode.DIGEST,
                body -> {
                    ReplicaDigest.Query query = JsonBody.decode(body, ReplicaDigest.Query.class);
                    return CompletableFuture.completedFuture(
                            JsonBody.encode(answer(query), allocator));
                });
    }

    /** What is known of an order. */
    public ReplicaDigest answer(ReplicaDigest.Query query) {
        // Asked before: an order that is applied in between is then not taken for an old one.
        OptionalLong applied = replicas.appliedIndex(query.dataDir(), query.raftGroupId());
        Optional<Job> known = find(query);
        if (known.isPresent()) {
            return known.get().digest();
        }
        if (applied.isEmpty()) {
            throw new MirachException(
                    ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                    "group " + query.raftGroupId() + " is not here");
        }
        return new ReplicaDigest(ReplicaDigest.State.UNKNOWN, applied.getAsLong(), "", 0, 0, 0, "");
    }

    private synchronized Optional<Job> find(ReplicaDigest.Query query) {
        return Optional.ofNullable(jobs.get(new Key(query.dataDir(), query.raftGroupId()))).stream()
                .flatMap(Deque::stream)
                .filter(job -> job.order.id() == query.id())
                .findFirst();
    }

    // ---- On the thread ----

    private void run(Job job) {
        StateExport held = job.waiting.getAndSet(null);
        if (held == null) {
            return;
        }
        try (held) {
            hash(job, held);
        } catch (StoreException e) {
            if (e.isCorruption()) {
                damageListener.recordsDamaged(job.key.raftGroupId(), e.getMessage());
                job.end(ReplicaDigest.State.DAMAGED, e.getMessage());
            }
            // Closed, or replaced by an imported state; or its disk fails, which ends the process.
            job.giveUp(e.getMessage());
        } catch (InterruptedException e) {
            job.giveUp("the node is stopping");
        } catch (RuntimeException e) {
            LOG.error("group {} could not be hashed", job.key.raftGroupId(), e);
            job.giveUp(String.valueOf(e));
        }
    }

    private void hash(Job job, StateExport state) throws InterruptedException {
        long startNanos = System.nanoTime();
        long bytesPerSecond = pace.of(job.order);
        long total = state.countBlocks(-1);
        StateDigest digest = new StateDigest();
        DamageCount damage = new DamageCount(job.key.raftGroupId());
        byte[] from = new byte[0];
        do {
            StatePage page = state.read(from, -1, PAGE_BYTES, allocator, damage);
            try {
                digest.add(page);
            } finally {
                page.entries().release();
            }
            from = page.next();
            job.set(ReplicaDigest.State.RUNNING, "", digest.blocks(), total, digest.bytes(), "");
            if (job.isSpaceLow.getAsBoolean()) {
                // What has been overwritten since cannot be freed while the state is held.
                job.giveUp("the disk is nearly full");
            }
            if (!job.isRunning()) {
                return;
            }
            long dueNanos = (long) ((double) digest.bytes() / bytesPerSecond * 1e9);
            pause(dueNanos - (System.nanoTime() - startNanos));
        } while (from.length > 0);
        if (damage.blocks > 0) {
            job.end(ReplicaDigest.State.DAMAGED, damage.toString());
            return;
        }
        job.set(ReplicaDigest.State.DONE, digest.end(), digest.blocks(), total, digest.bytes(), "");
        LOG.info(
                "group {} in data dir {} was hashed as of entry {}: {} blocks",
                job.key.raftGroupId(),
                job.key.dataDir(),
                job.index,
                digest.blocks());
    }

    /** Counts what is not intact, and passes it on. */
    private final class DamageCount implements Consumer<DamagedBlockException> {
        private final UUID group;
        private long blocks;
        private String first = "";

        DamageCount(UUID group) {
            this.group = group;
        }

        @Override
        public void accept(DamagedBlockException found) {
            damageListener.damaged(group, found.layer(), found.block(), found.getMessage());
            if (blocks++ == 0) {
                first = found.getMessage();
            }
        }

        @Override
        public String toString() {
            return blocks == 1 ? first : blocks + " blocks, the first of them: " + first;
        }
    }

    private void pause(long nanos) throws InterruptedException {
        if (nanos > 0 && closed.await(nanos, TimeUnit.NANOSECONDS)) {
            throw new InterruptedException("stopping");
        }
    }

    /** Breaks off what is under way, and lets go of what is held. Waits for it. */
    @Override
    public void close() {
        closed.countDown();
        thread.shutdownNow();
        synchronized (this) {
            jobs.values().forEach(of -> of.forEach(job -> job.giveUp("the node is stopping")));
        }
        try {
            if (!thread.awaitTermination(END_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("a digest takes long to break off");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
