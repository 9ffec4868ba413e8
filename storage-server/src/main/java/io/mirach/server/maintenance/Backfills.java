package io.mirach.server.maintenance;

import io.mirach.client.transport.NodeConnections;
import io.mirach.model.Block;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.raft.LogPosition;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.store.StateImport;
import io.mirach.server.store.StatePage;
import io.mirach.server.store.StoreException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
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
 * Brings up the replicas of this node that their leaders' logs cannot help, one after the other, no
 * faster than configured. Each is imported beside the state in use, from its leader, in rounds;
 * Raft installs it once it is whole. What breaks off is taken up again where it was, as Raft tells
 * of the replica every second for as long as it lags. Thread-safe; never blocks its caller.
 */
public final class Backfills implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Backfills.class);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(30);
    // What a crash costs at most.
    private static final long CHECKPOINT_BYTES = 256L << 20;
    private static final long SPACE_CHECK_MS = 1_000;
    private static final long END_SECONDS = 10;
    // A replica that nobody has called behind for so long has caught up otherwise.
    private static final long UNNEEDED_NANOS = TimeUnit.MINUTES.toNanos(10);
    private static final long SWEEP_SECONDS = 60;

    /** A data dir that has replicas. */
    public interface Target {
        UUID dataDir();

        /** The data dir that leads a group, as far as its replica here knows. */
        Optional<UUID> leader(UUID raftGroupId);

        /** Where the group is imported; empty if it is none that can be. */
        Optional<StateImport> importOf(UUID raftGroupId);

        boolean isSpaceLow();

        /** The groups of which something was imported and not installed. */
        Set<UUID> importing();

        /** Forgets what was imported of a group; false if it may yet be installed. */
        boolean discardImport(UUID raftGroupId);
    }

    private record Key(UUID dataDir, UUID raftGroupId) {}

    /** When Raft last said that a replica lags beyond the log. */
    private record Told(Target target, long atNanos) {}

    /** A replica that waits for its turn, or is being brought up. */
    private static final class Job {
        final Target target;
        final UUID group;
        volatile NodeHeartbeat.Backfill progress;

        Job(Target target, UUID group) {
            this.target = target;
            this.group = group;
            this.progress = new NodeHeartbeat.Backfill(target.dataDir(), group, 0, 0, 0, 0);
        }
    }

    private final NodeConnections connections;
    private final Function<UUID, Optional<String>> addressOfDataDir;
    private final long bytesPerSecond;
    private final ByteBufAllocator allocator;
    private final Map<Key, Job> jobs = new ConcurrentHashMap<>();
    // What each replica's last attempt failed with, so that it is told once.
    private final Map<Key, String> failures = new ConcurrentHashMap<>();
    private final Map<Key, Told> told = new ConcurrentHashMap<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    task -> {
                        Thread made = new Thread(task, "mirach-backfill");
                        made.setDaemon(true);
                        return made;
                    });

    /**
     * @param addressOfDataDir the native address of the node that holds a data dir
     * @param bytesPerSecond over all replicas of this node
     */
    public Backfills(
            NodeConnections connections,
            Function<UUID, Optional<String>> addressOfDataDir,
            long bytesPerSecond,
            ByteBufAllocator allocator) {
        this.connections = connections;
        this.addressOfDataDir = addressOfDataDir;
        this.bytesPerSecond = bytesPerSecond;
        this.allocator = allocator;
        thread.scheduleWithFixedDelay(this::sweep, SWEEP_SECONDS, SWEEP_SECONDS, TimeUnit.SECONDS);
    }

    /** A data dir is served: what an earlier process has left in it is found. */
    public void watch(Target target) {
        target.importing().forEach(group -> told(target, group));
    }

    private void told(Target target, UUID group) {
        told.put(new Key(target.dataDir(), group), new Told(target, System.nanoTime()));
    }

    /** A replica needs what its leader's log no longer has. Told again and again. */
    public void needed(Target target, UUID raftGroupId) {
        told(target, raftGroupId);
        Key key = new Key(target.dataDir(), raftGroupId);
        Job job = new Job(target, raftGroupId);
        if (jobs.putIfAbsent(key, job) == null) {
            try {
                thread.execute(() -> run(key, job));
            } catch (RejectedExecutionException e) {
                LOG.debug("stopping; {} is brought up after the next start", key);
            }
        }
    }

    /** What is being brought up, or waits for it. */
    public List<NodeHeartbeat.Backfill> progress() {
        return jobs.values().stream().map(job -> job.progress).toList();
    }

    // ---- On the thread ----

    private void run(Key key, Job job) {
        try {
            Optional<StateImport> into = job.target.importOf(job.group);
            if (into.isEmpty()) {
                throw new MirachException(
                        ErrorCode.INTERNAL, "the state of this group cannot be imported");
            }
            // One that was whole and came too late must be faster now.
            long rate = into.get().whole().isPresent() ? Long.MAX_VALUE : bytesPerSecond;
            Optional<LogPosition> whole = Optional.empty();
            for (int round = 1; whole.isEmpty() && !isClosed(); round++) {
                whole = new Round(job, into.get(), round, rate).run();
                rate = rate > Long.MAX_VALUE / 2 ? rate : 2 * rate;
            }
            whole.ifPresent(
                    position ->
                            LOG.info(
                                    "group {} in data dir {} is whole as of entry {}",
                                    job.group,
                                    job.target.dataDir(),
                                    position.index()));
            failures.remove(key);
        } catch (MirachException | StoreException e) {
            if (!isClosed()
                    && !String.valueOf(e.getMessage()).equals(failures.put(key, e.getMessage()))) {
                LOG.warn(
                        "group {} in data dir {} is not brought up yet, tried again: {}",
                        job.group,
                        job.target.dataDir(),
                        e.getMessage());
            }
        } catch (InterruptedException e) {
            LOG.debug("stopping; {} is brought up after the next start", key);
        } catch (RuntimeException e) {
            // The executor would keep it to itself.
            LOG.error("{} is not brought up yet, tried again", key, e);
        } finally {
            jobs.remove(key);
        }
    }

    private void sweep() {
        long now = System.nanoTime();
        told.forEach(
                (key, last) -> {
                    if (now - last.atNanos() > UNNEEDED_NANOS) {
                        try {
                            if (last.target().discardImport(key.raftGroupId())) {
                                told.remove(key, last);
                            }
                        } catch (RuntimeException e) {
                            // A task that throws is not run again.
                            LOG.warn("an import that nobody needs is still there: {}", key, e);
                        }
                    }
                });
    }

    private boolean isClosed() {
        return closed.getCount() == 0;
    }

    /** One round, from one source. */
    private final class Round {
        private final Job job;
        private final StateImport into;
        private final int number;
        private final long rate;
        private final UUID leader;
        private final String address;
        private final long startNanos = System.nanoTime();
        private long bytes;
        private long unflushed;
        private BackfillMessages.Opened source;

        Round(Job job, StateImport into, int number, long rate) {
            this.job = job;
            this.into = into;
            this.number = number;
            this.rate = rate;
            this.leader = job.target.leader(job.group).orElseThrow(this::unknownLeader);
            this.address = addressOfDataDir.apply(leader).orElseThrow(this::unknownLeader);
        }

        private MirachException unknownLeader() {
            return new MirachException(ErrorCode.NOT_READY, "its leader is not known");
        }

        /** Returns where the import is whole; empty if another round must come. */
        Optional<LogPosition> run() throws InterruptedException {
            BackfillMessages.Open order =
                    new BackfillMessages.Open(
                            leader, job.group, job.target.dataDir(), into.since());
            ByteBuf answer = await(ask(Opcode.BACKFILL_OPEN, order));
            source = JsonBody.decode(answer, BackfillMessages.Opened.class);
            LOG.info(
                    "bringing up group {} in data dir {} from {}: round {}, {} MiB",
                    job.group,
                    job.target.dataDir(),
                    address,
                    number,
                    source.blocks() * Block.BYTES >> 20);
            into.from(source.position());
            takePages();
            Optional<LogPosition> whole = into.endRound();
            await(ask(Opcode.BACKFILL_CLOSE, new BackfillMessages.Close(source.session())))
                    .release();
            return whole;
        }

        private void takePages() throws InterruptedException {
            byte[] from = new byte[0];
            CompletableFuture<ByteBuf> coming = page(from);
            try {
                do {
                    StatePage page = BackfillMessages.decode(await(coming));
                    coming = null;
                    try {
                        byte[] next = into.following(page);
                        // It comes while this one is written.
                        coming = next.length == 0 ? null : page(next);
                        into.add(from, page);
                        taken(page.entries().readableBytes());
                        from = next;
                    } finally {
                        page.entries().release();
                    }
                } while (from.length > 0);
            } finally {
                if (coming != null) {
                    coming.thenAccept(ByteBuf::release);
                }
            }
        }

        private CompletableFuture<ByteBuf> page(byte[] from) {
            return ask(Opcode.BACKFILL_READ, new BackfillMessages.Read(source.session(), from));
        }

        private void taken(int pageBytes) throws InterruptedException {
            bytes += pageBytes;
            unflushed += pageBytes;
            if (unflushed >= CHECKPOINT_BYTES) {
                into.checkpoint();
                unflushed = 0;
            }
            double seconds = (System.nanoTime() - startNanos) / 1e9;
            job.progress =
                    new NodeHeartbeat.Backfill(
                            job.target.dataDir(),
                            job.group,
                            number,
                            Math.min(bytes / Block.BYTES, source.blocks()),
                            source.blocks(),
                            (long) (bytes / Math.max(seconds, 0.1)));
            pause((long) ((double) bytes / rate * 1e9) - (System.nanoTime() - startNanos));
            while (job.target.isSpaceLow() && !isClosed()) {
                pause(TimeUnit.MILLISECONDS.toNanos(SPACE_CHECK_MS));
            }
        }

        private void pause(long nanos) throws InterruptedException {
            if (nanos > 0 && closed.await(nanos, TimeUnit.NANOSECONDS)) {
                throw new InterruptedException("stopping");
            }
        }

        private CompletableFuture<ByteBuf> ask(Opcode opcode, Object message) {
            return connections.request(
                    address, opcode, JsonBody.encode(message, allocator), ANSWER_TIMEOUT);
        }

        private ByteBuf await(CompletableFuture<ByteBuf> answer) throws InterruptedException {
            try {
                // The request has a timeout of its own.
                return answer.get(2 * ANSWER_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof MirachException known) {
                    throw known;
                }
                throw new MirachException(
                        ErrorCode.INTERNAL, String.valueOf(e.getCause()), e.getCause());
            } catch (TimeoutException e) {
                throw new MirachException(ErrorCode.TIMEOUT, address + " does not answer", e);
            }
        }
    }

    /** Breaks off what is under way. Waits for it. */
    @Override
    public void close() {
        closed.countDown();
        thread.shutdownNow();
        try {
            if (!thread.awaitTermination(END_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("a backfill takes long to break off");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
