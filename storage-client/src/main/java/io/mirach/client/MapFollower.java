package io.mirach.client;

import io.mirach.client.transport.NodeConnections;
import io.mirach.model.ClusterImage;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.GetMap;
import io.mirach.protocol.cluster.MapUpdate;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the newest cluster map by long polls, at one node after another: a node that died, or lags,
 * is not followed for long. Listeners are called on its one thread, so that neither large maps nor
 * slow listeners hold up an event loop. {@link #image}, {@link #refresh}, {@link #onImage}, {@link
 * #await} and {@link #adopt} may be used by any thread; all else is confined to the map thread.
 */
final class MapFollower implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MapFollower.class);
    private static final Duration POLL = Duration.ofSeconds(20);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);
    private static final long MIN_PAUSE_MS = 20;
    private static final long MAX_PAUSE_MS = 1000;
    private static final long NOTHING_KNOWN = 0;

    private record Waiter(Predicate<ClusterImage> holds, CompletableFuture<ClusterImage> future) {}

    private final List<String> endpoints;
    private final ScheduledThreadPoolExecutor thread;
    private final List<Consumer<ClusterImage>> listeners = new CopyOnWriteArrayList<>();
    private final CompletableFuture<ClusterImage> first = new CompletableFuture<>();
    // Added and removed on the map thread, failed by whoever closes.
    private final List<Waiter> waiters = new CopyOnWriteArrayList<>();
    private final AtomicBoolean refreshing = new AtomicBoolean();
    private volatile Optional<UUID> clusterId = Optional.empty();
    // Empty until the first has come.
    private volatile Optional<ClusterImage> image = Optional.empty();

    private List<String> addresses = List.of();
    private NodeConnections connections;
    private long startDeadlineNanos;
    private int turn;
    private int failuresInARow;
    private int earlyAnswersInARow;
    private long pollStartedNanos;
    private boolean deltasFit = true;

    MapFollower(List<String> endpoints) {
        this.endpoints = endpoints;
        this.thread =
                new ScheduledThreadPoolExecutor(
                        1,
                        task -> {
                            Thread mapThread = new Thread(task, "mirach-map");
                            mapThread.setDaemon(true);
                            return mapThread;
                        });
        thread.setRemoveOnCancelPolicy(true);
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /** What cluster is followed; empty until the first endpoint has answered. */
    Optional<UUID> clusterId() {
        return clusterId;
    }

    /** The newest map. Not before {@link #start} has completed. */
    ClusterImage image() {
        return image.orElseThrow(
                () -> new MirachException(ErrorCode.NOT_READY, "no cluster map has arrived yet"));
    }

    /** Completes with the first map, or fails with the last reason after the timeout. */
    CompletableFuture<ClusterImage> start(NodeConnections nodeConnections, Duration timeout) {
        execute(
                () -> {
                    connections = nodeConnections;
                    startDeadlineNanos = System.nanoTime() + timeout.toNanos();
                    poll();
                });
        return first;
    }

    /** Asks for a newer map at once, at another node. Cheap when one is being asked already. */
    void refresh() {
        if (refreshing.compareAndSet(false, true)) {
            execute(this::askOnce);
        }
    }

    AutoCloseable onImage(Consumer<ClusterImage> listener) {
        // In the map thread's order: the current map first, then each newer one, none twice.
        execute(
                () -> {
                    image.ifPresent(current -> tell(listener, current));
                    listeners.add(listener);
                });
        return () -> {
            execute(() -> listeners.remove(listener));
            listeners.remove(listener);
        };
    }

    /** Completes on the map thread with the first map that {@code holds} is true of. */
    CompletableFuture<ClusterImage> await(Predicate<ClusterImage> holds) {
        Waiter waiter = new Waiter(holds, new CompletableFuture<>());
        waiters.add(waiter);
        execute(
                () -> {
                    waiters.removeIf(each -> each.future().isDone());
                    image.ifPresent(current -> serve(waiter, current));
                });
        if (thread.isShutdown()) {
            failWaiters();
        }
        return waiter.future();
    }

    /**
     * Takes what a node answered to {@link GetMap}; completes once the map is as new as that. Takes
     * ownership of {@code reply}.
     */
    CompletableFuture<ClusterImage> adopt(ByteBuf reply) {
        byte[] bytes = copied(reply);
        return CompletableFuture.supplyAsync(
                        () -> {
                            MapUpdate update =
                                    JsonBody.decode(Unpooled.wrappedBuffer(bytes), MapUpdate.class);
                            take(update);
                            return update.version();
                        },
                        thread)
                // A delta from a version that is no longer ours is not taken; the poll brings it.
                .thenCompose(version -> await(current -> current.version() >= version));
    }

    @Override
    public void close() {
        thread.shutdownNow();
        failWaiters();
    }

    private void failWaiters() {
        MirachException reason = new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed");
        first.completeExceptionally(reason);
        waiters.forEach(waiter -> waiter.future().completeExceptionally(reason));
    }

    private void execute(Runnable task) {
        try {
            thread.execute(task);
        } catch (RejectedExecutionException e) {
            LOG.debug("map follower is closed");
        }
    }

    private void schedule(Runnable task, long delayMs) {
        try {
            thread.schedule(task, delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("map follower is closed");
        }
    }

    // --- on the map thread ---

    private void poll() {
        if (addresses.isEmpty() && !bootstrap()) {
            return;
        }
        Duration wait = image.isPresent() ? POLL : Duration.ZERO;
        pollStartedNanos = System.nanoTime();
        ask(addresses.get(turn % addresses.size()), wait)
                .whenComplete((reply, failure) -> execute(() -> polled(reply, failure)));
    }

    private CompletableFuture<MapUpdate> ask(String address, Duration wait) {
        long known = deltasFit ? image.map(ClusterImage::version).orElse(NOTHING_KNOWN) : 0;
        ByteBuf body =
                JsonBody.encode(
                        GetMap.poll(known, (int) wait.toMillis()), ByteBufAllocator.DEFAULT);
        return connections
                .request(address, Opcode.GET_MAP, body, wait.plus(ANSWER_TIMEOUT))
                // A large map takes long to read: not on the event loop. It goes over as a copy,
                // which needs no release when the map thread has ended meanwhile.
                .thenApply(MapFollower::copied)
                .thenApplyAsync(
                        bytes -> JsonBody.decode(Unpooled.wrappedBuffer(bytes), MapUpdate.class),
                        thread);
    }

    private static byte[] copied(ByteBuf reply) {
        try {
            return ByteBufUtil.getBytes(reply);
        } finally {
            reply.release();
        }
    }

    private void polled(MapUpdate update, Throwable failure) {
        if (failure != null) {
            failed(failure);
            return;
        }
        long before = image.map(ClusterImage::version).orElse(NOTHING_KNOWN);
        take(update);
        if (image.isEmpty()) {
            failed(new MirachException(ErrorCode.NOT_READY, "the node has no cluster map yet"));
            return;
        }
        failuresInARow = 0;
        if (image().version() > before || !deltasFit) {
            earlyAnswersInARow = 0;
            poll();
            return;
        }
        // A node that lags has nothing newer for long: do not stay with it.
        turn++;
        boolean waited = System.nanoTime() - pollStartedNanos >= POLL.toNanos() / 2;
        earlyAnswersInARow = waited ? 0 : earlyAnswersInARow + 1;
        // One that answers at once in place of waiting must not make this spin.
        schedule(this::poll, waited ? 0 : pauseMs(earlyAnswersInARow));
    }

    private static long pauseMs(int timesInARow) {
        return Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS << Math.min(timesInARow, 10));
    }

    private void failed(Throwable failure) {
        LOG.debug("no cluster map from {}", addresses, failure);
        turn++;
        failuresInARow++;
        if (!first.isDone() && System.nanoTime() - startDeadlineNanos >= 0) {
            first.completeExceptionally(
                    new MirachException(
                            ErrorCode.UNREACHABLE,
                            "no node gives the cluster map: " + rootMessage(failure)));
            return;
        }
        if (failuresInARow % Math.max(1, addresses.size()) != 0) {
            poll();
            return;
        }
        int rounds = failuresInARow / addresses.size();
        // Addresses may have changed while nobody could tell.
        addresses = List.of();
        schedule(this::poll, pauseMs(rounds));
    }

    /** False if it has to be tried again later, or is pointless. */
    private boolean bootstrap() {
        try {
            ClusterBootstrap.Found found = ClusterBootstrap.ask(endpoints);
            if (clusterId.isPresent() && !clusterId.get().equals(found.clusterId())) {
                throw new MirachException(
                        ErrorCode.WRONG_CLUSTER,
                        "the endpoints now belong to cluster " + found.clusterId());
            }
            clusterId = Optional.of(found.clusterId());
            addresses = found.nativeAddresses();
            return true;
        } catch (MirachException e) {
            if (image.isPresent()) {
                // The nodes last known remain the best guess.
                addresses = addressesOf(image.get());
                return true;
            }
            boolean pointless = e.code() == ErrorCode.NOT_INITIALISED;
            if (pointless || System.nanoTime() - startDeadlineNanos >= 0) {
                first.completeExceptionally(e);
            } else {
                schedule(this::poll, MAX_PAUSE_MS / 4);
            }
            return false;
        }
    }

    private void take(MapUpdate update) {
        long known = image.map(ClusterImage::version).orElse(NOTHING_KNOWN);
        if (update.image().isPresent()) {
            deltasFit = true;
            if (update.image().get().version() > known) {
                adopt(update.image().get());
            }
        } else if (update.delta().isPresent() && update.delta().get().toVersion() > known) {
            // One that starts elsewhere: a poll and a refresh were under way at once, and the other
            // was quicker. Then the whole map is asked for.
            deltasFit = image.isPresent() && update.delta().get().fromVersion() == known;
            if (deltasFit) {
                adopt(update.delta().get().applyTo(image()));
            }
        }
    }

    private void adopt(ClusterImage newer) {
        image = Optional.of(newer);
        List<String> now = addressesOf(newer);
        if (!now.isEmpty()) {
            addresses = now;
        }
        first.complete(newer);
        listeners.forEach(listener -> tell(listener, newer));
        waiters.forEach(waiter -> serve(waiter, newer));
    }

    private void serve(Waiter waiter, ClusterImage current) {
        if (waiter.future().isDone() || waiter.holds().test(current)) {
            waiters.remove(waiter);
            waiter.future().complete(current);
        }
    }

    private static void tell(Consumer<ClusterImage> listener, ClusterImage newer) {
        try {
            listener.accept(newer);
        } catch (RuntimeException e) {
            LOG.error("a listener failed at cluster map version {}", newer.version(), e);
        }
    }

    private void askOnce() {
        if (addresses.isEmpty() || image.isEmpty()) {
            refreshing.set(false);
            return;
        }
        // Not the node that the long poll waits at: that one has told all it knows.
        turn++;
        ask(addresses.get(turn % addresses.size()), Duration.ZERO)
                .whenComplete(
                        (update, failure) ->
                                execute(
                                        () -> {
                                            refreshing.set(false);
                                            if (failure == null) {
                                                take(update);
                                            }
                                        }));
    }

    private static List<String> addressesOf(ClusterImage image) {
        return image.nodes().values().stream().map(StorageNode::nativeAddress).sorted().toList();
    }

    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root != null && root.getCause() != null && !(root instanceof MirachException)) {
            root = root.getCause();
        }
        return String.valueOf(root);
    }
}
