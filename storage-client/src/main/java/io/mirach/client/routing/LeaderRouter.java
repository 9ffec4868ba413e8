package io.mirach.client.routing;

import io.mirach.client.transport.NodeConnections;
import io.mirach.model.ClusterImage;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends requests to the leader of one group. While the leader is known all go there at once. When
 * it is lost, one request is the scout: it follows hints and tries the members in turn, with
 * pauses; the others are parked until it has found the leader, so that a failover costs a few
 * messages and not each payload at each member.
 *
 * <p>Not being led, being unreachable, not answering, back pressure and unknown outcomes are dealt
 * with here, by sending the same request again; every other answer is the leader's and goes to the
 * caller. Thread-safe; never blocks. Its lock is held for a few field accesses only.
 */
public final class LeaderRouter {
    private static final Logger LOG = LoggerFactory.getLogger(LeaderRouter.class);
    // Who does not lead says so at once. Who has not by then is at work on the request, so that the
    // parked ones need not wait for the scout's to be done.
    private static final long PROBABLY_LEADS_NANOS = Duration.ofMillis(50).toNanos();
    private static final long WARN_AFTER_NANOS = Duration.ofSeconds(5).toNanos();

    /** Without a deadline a request waits as long as it takes, as for a disk. */
    public static final Duration FOREVER = Duration.ZERO;

    /** Where a member listens. */
    record Target(UUID dataDir, String address) {}

    private record Members(long mapVersion, List<Target> targets) {}

    /** What the members are in a cluster map, and who is asked first. */
    record Group(
            String name, Function<ClusterImage, ReplicaSet> replicas, Optional<UUID> firstGuess) {}

    private static final class Call {
        final RoutedRequest request;
        final long deadlineNanos;
        final boolean hasDeadline;
        final CompletableFuture<ByteBuf> result = new CompletableFuture<>();
        // Changed only by the thread that has the call in hand.
        // Counts attempts begun and ended: odd while one is on its way.
        final AtomicInteger attemptEdges = new AtomicInteger();
        int quickTries;
        int rounds;
        MirachException lastFailure;

        Call(RoutedRequest request, Duration deadline) {
            this.request = request;
            this.hasDeadline = !deadline.isZero();
            this.deadlineNanos = System.nanoTime() + deadline.toNanos();
        }

        long leftNanos() {
            return hasDeadline ? deadlineNanos - System.nanoTime() : Long.MAX_VALUE;
        }
    }

    private final Group group;
    private final Supplier<ClusterImage> image;
    private final NodeConnections connections;
    private final EventExecutor timer;
    private final RoutingConfig config;
    private final DoubleSupplier jitter;

    private volatile Members members = new Members(-1, List.of());

    // Guarded by lock.
    private final Object lock = new Object();
    private final Deque<Call> parked = new ArrayDeque<>();
    private UUID leader;
    // Looks for the leader; none while it is believed to be known.
    private Call scout;
    private UUID lastTried;
    private long searchStartedNanos;
    private boolean warned;

    LeaderRouter(
            Group group,
            Supplier<ClusterImage> image,
            NodeConnections connections,
            EventExecutor timer,
            RoutingConfig config,
            DoubleSupplier jitter) {
        this.group = group;
        this.image = image;
        this.connections = connections;
        this.timer = timer;
        this.config = config;
        this.jitter = jitter;
    }

    /**
     * Sends a request until the leader has answered it. The caller owns the reply's body. Completes
     * on an event loop, rarely on the calling thread; fails with the leader's refusal, with what
     * {@link RoutedRequest#abandoned} says, or with TIMEOUT after the deadline: then it may have
     * taken effect, or may yet.
     *
     * @param deadline {@link #FOREVER} for none
     */
    public CompletableFuture<ByteBuf> call(RoutedRequest request, Duration deadline) {
        Call call = new Call(request, deadline);
        route(call);
        return call.result;
    }

    /** The data dir that is believed to lead. */
    public Optional<UUID> believedLeader() {
        synchronized (lock) {
            return Optional.ofNullable(leader);
        }
    }

    /** Sends a call to the leader, makes it the scout, or parks it. */
    private void route(Call call) {
        if (endIfPointless(call)) {
            return;
        }
        List<Target> targets = targets();
        Optional<Target> target;
        boolean isScout;
        synchronized (lock) {
            isScout = scout == call;
            target = isScout ? Optional.empty() : find(targets, leader);
            if (target.isEmpty()) {
                if (!isScout && scout != null) {
                    park(call);
                    return;
                }
                if (!isScout) {
                    isScout = true;
                    scout = call;
                    searchStartedNanos = System.nanoTime();
                    warned = false;
                }
                target = nextToTry(call, targets);
                lastTried = target.map(Target::dataDir).orElse(null);
            }
        }
        if (target.isEmpty()) {
            failedAttempt(
                    call,
                    Optional.empty(),
                    new MirachException(
                            ErrorCode.NO_SUCH_PLACEMENT_GROUP,
                            group.name() + " has no member in the cluster map"));
            return;
        }
        send(call, target.get(), isScout);
    }

    // Under the lock. A hint goes before the preferred leader, that before the next in turn.
    private Optional<Target> nextToTry(Call call, List<Target> targets) {
        if (targets.isEmpty()) {
            return Optional.empty();
        }
        if (call.lastFailure != null && call.lastFailure.leaderHint().isPresent()) {
            UUID hint = call.lastFailure.leaderHint().get();
            Optional<Target> hinted =
                    hint.equals(lastTried) ? Optional.empty() : find(targets, hint);
            if (hinted.isPresent()) {
                return hinted;
            }
        }
        if (lastTried == null) {
            return group.firstGuess()
                    .flatMap(guess -> find(targets, guess))
                    .or(() -> Optional.of(targets.get(0)));
        }
        int last = find(targets, lastTried).map(targets::indexOf).orElse(-1);
        return Optional.of(targets.get((last + 1) % targets.size()));
    }

    // Under the lock.
    private void park(Call call) {
        parked.add(call);
        if (call.hasDeadline) {
            schedule(
                    call,
                    call.leftNanos(),
                    () -> {
                        boolean waiting;
                        synchronized (lock) {
                            waiting = parked.remove(call);
                        }
                        if (waiting) {
                            route(call);
                        }
                    });
        }
    }

    private void send(Call call, Target target, boolean isScout) {
        ByteBuf body;
        try {
            body = call.request.encode();
        } catch (RuntimeException e) {
            fail(call, e);
            return;
        }
        Duration timeout = call.request.attemptTimeout(config.attemptTimeout());
        if (call.hasDeadline) {
            timeout = Duration.ofNanos(Math.min(timeout.toNanos(), Math.max(1, call.leftNanos())));
        }
        int attempt = call.attemptEdges.incrementAndGet();
        if (isScout) {
            schedule(
                    call,
                    PROBABLY_LEADS_NANOS,
                    () -> {
                        if (call.attemptEdges.get() == attempt) {
                            found(call, target);
                        }
                    });
        }
        connections
                .request(target.address(), call.request.opcode(), body, timeout)
                .whenComplete((reply, failure) -> answered(call, target, reply, failure));
    }

    private void answered(Call call, Target target, ByteBuf reply, Throwable failure) {
        call.attemptEdges.incrementAndGet();
        if (failure == null) {
            found(call, target);
            succeed(call, reply);
            return;
        }
        if (!(failure instanceof MirachException e)) {
            fail(call, failure);
            return;
        }
        call.lastFailure = e;
        if (e.code().handling() == ErrorCode.Handling.UNKNOWN) {
            call.request.leftUnsettled();
        }
        switch (e.code()) {
            case NOT_LEADER,
                    NOT_READY,
                    UNREACHABLE,
                    TIMEOUT,
                    UNKNOWN_OUTCOME,
                    SHUTTING_DOWN,
                    DAMAGED_BLOCK,
                    NO_SUCH_PLACEMENT_GROUP,
                    // The peer as a whole is not (yet) of this cluster or build: others may be.
                    WRONG_CLUSTER,
                    NOT_INITIALISED,
                    UNSUPPORTED_VERSION ->
                    failedAttempt(call, Optional.of(target), e);
            case BACK_PRESSURED, VOLUME_NOT_READY -> {
                found(call, target);
                pause(call);
            }
            default -> {
                found(call, target);
                fail(call, e);
            }
        }
    }

    /** The attempt met no leader (or it is unknown what it met): on to the next. */
    private void failedAttempt(Call call, Optional<Target> target, MirachException e) {
        call.lastFailure = e;
        boolean warn = false;
        synchronized (lock) {
            if (target.isPresent() && target.get().dataDir().equals(leader)) {
                lastTried = leader;
                leader = null;
            }
            if (scout == call
                    && !warned
                    && System.nanoTime() - searchStartedNanos > WARN_AFTER_NANOS) {
                warned = true;
                warn = true;
            }
        }
        if (warn) {
            LOG.warn("{}: no leader found for {} s; last: {}", group.name(), 5, e.toString());
        }
        // One round over the members (a hint may lead back to one) goes without a pause.
        if (target.isPresent() && call.quickTries < targets().size()) {
            call.quickTries++;
            route(call);
        } else {
            pause(call);
        }
    }

    private void pause(Call call) {
        call.quickTries = 0;
        long nanos = config.backoffNanos(call.rounds++, jitter.getAsDouble());
        try {
            timer.schedule(
                            () -> route(call),
                            Math.min(nanos, Math.max(0, call.leftNanos())),
                            TimeUnit.NANOSECONDS)
                    // A loop that ends drops what was to come, and nobody else has this call.
                    .addListener(
                            pause -> {
                                if (pause.isCancelled()) {
                                    fail(call, closing());
                                }
                            });
        } catch (RejectedExecutionException closing) {
            fail(call, closing());
        }
    }

    private void schedule(Call call, long nanos, Runnable task) {
        try {
            timer.schedule(task, nanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closing) {
            fail(call, closing());
        }
    }

    private static MirachException closing() {
        return new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed");
    }

    /** A leader's answer came from {@code target}, or it takes as long as only a leader does. */
    private void found(Call call, Target target) {
        List<Call> waiting;
        boolean tell;
        synchronized (lock) {
            if (scout != call) {
                return;
            }
            scout = null;
            leader = target.dataDir();
            tell = warned;
            warned = false;
            waiting = new ArrayList<>(parked);
            parked.clear();
        }
        if (tell) {
            LOG.info("{}: led again, by data dir {}", group.name(), target.dataDir());
        }
        for (Call each : waiting) {
            route(each);
        }
    }

    private boolean endIfPointless(Call call) {
        Optional<MirachException> why = call.request.abandoned();
        if (why.isEmpty() && call.leftNanos() <= 0) {
            String last = call.lastFailure == null ? "none" : call.lastFailure.toString();
            why =
                    Optional.of(
                            new MirachException(
                                    ErrorCode.TIMEOUT,
                                    group.name() + " did not answer in time; last: " + last));
        }
        if (why.isEmpty()) {
            return false;
        }
        fail(call, why.get());
        return true;
    }

    private void succeed(Call call, ByteBuf reply) {
        if (!call.result.complete(reply)) {
            reply.release();
        }
    }

    private void fail(Call call, Throwable failure) {
        passOnTheSearch(call);
        call.result.completeExceptionally(failure);
    }

    /** If the scout ends without having found a leader, the next in line takes over. */
    private void passOnTheSearch(Call call) {
        synchronized (lock) {
            if (scout != call) {
                return;
            }
            scout = null;
        }
        while (true) {
            Call next;
            synchronized (lock) {
                if (scout != null || parked.isEmpty()) {
                    return;
                }
                next = parked.poll();
            }
            route(next);
        }
    }

    private List<Target> targets() {
        ClusterImage current = image.get();
        Members known = members;
        if (known.mapVersion() == current.version()) {
            return known.targets();
        }
        List<Target> targets = new ArrayList<>();
        ReplicaSet replicas = group.replicas().apply(current);
        for (Replica replica : replicas.holders()) {
            var node = current.nodes().get(replica.node());
            if (node != null) {
                targets.add(new Target(replica.dataDir(), node.nativeAddress()));
            }
        }
        members = new Members(current.version(), List.copyOf(targets));
        return targets;
    }

    private static Optional<Target> find(List<Target> targets, UUID dataDir) {
        for (Target target : targets) {
            if (target.dataDir().equals(dataDir)) {
                return Optional.of(target);
            }
        }
        return Optional.empty();
    }
}
