package io.mirach.client;

import io.mirach.client.routing.ClusterRouting;
import io.mirach.client.routing.LeaderRouter;
import io.mirach.client.routing.RoutedRequest;
import io.mirach.client.routing.RoutingConfig;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.EventExecutor;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends one volume's requests to the placement group that serves them by the newest map. An answer
 * that says the map was too old has the map refreshed and the request sent again; FENCED ends the
 * attachment. STALE_LAYER says that the head is sealed, whose successor may not be open yet: then
 * it is waited for. Thread-safe; never blocks.
 */
final class VolumeCalls {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeCalls.class);
    // A payload damaged on its way is sent again, but damage that stays is reported.
    private static final int MAX_DAMAGED_TRIES = 3;
    // The map that says why an attachment is over is on its way when a placement group knows.
    private static final long EXPLANATION_SECONDS = 3;

    /** A request to this volume; asks for the placement group anew before each try. */
    interface Request extends RoutedRequest {
        PlacementGroupId placementGroup();

        /**
         * Looks at an answer, whose body it borrows. Throws CHECKSUM_MISMATCH if it was damaged on
         * its way.
         */
        default void verify(ByteBuf reply) {}
    }

    private final VolumeLife life;
    private final ClusterRouting routing;
    private final MapFollower map;
    private final EventExecutor timer;
    private final RoutingConfig config;

    VolumeCalls(
            VolumeLife life,
            ClusterRouting routing,
            MapFollower map,
            EventExecutor timer,
            RoutingConfig config) {
        this.life = life;
        this.routing = routing;
        this.map = map;
        this.timer = timer;
        this.config = config;
    }

    VolumeLife life() {
        return life;
    }

    /** As {@link LeaderRouter#call}, without a deadline: until the attachment ends. */
    CompletableFuture<ByteBuf> call(Request request) {
        CompletableFuture<ByteBuf> result = new CompletableFuture<>();
        new Trial(request, result).attempt();
        return result;
    }

    private final class Trial {
        private final Request request;
        private final CompletableFuture<ByteBuf> result;
        private Volume volumeUsed;
        private int rounds;
        private int damaged;

        Trial(Request request, CompletableFuture<ByteBuf> result) {
            this.request = request;
            this.result = result;
        }

        void attempt() {
            Optional<MirachException> ended = life.endedBy();
            if (ended.isPresent()) {
                result.completeExceptionally(ended.get());
                return;
            }
            ClusterImage used = map.image();
            volumeUsed = life.volume();
            routing.placementGroup(request.placementGroup())
                    .call(request, LeaderRouter.FOREVER)
                    .whenComplete((reply, failure) -> answered(used, reply, failure));
        }

        private void answered(ClusterImage used, ByteBuf reply, Throwable failure) {
            if (failure == null) {
                accept(used, reply);
            } else if (failure instanceof MirachException e) {
                refused(used, e);
            } else {
                result.completeExceptionally(failure);
            }
        }

        private void accept(ClusterImage used, ByteBuf reply) {
            try {
                request.verify(reply);
            } catch (MirachException e) {
                reply.release();
                refused(used, e);
                return;
            }
            if (!result.complete(reply)) {
                reply.release();
            }
        }

        private void refused(ClusterImage used, MirachException e) {
            switch (e.code()) {
                case STALE_LAYER -> {
                    map.refresh();
                    life.observe(map.image());
                    if (life.volume().head().equals(volumeUsed.head())) {
                        againWithNewHead();
                    } else {
                        againIn(0);
                    }
                }
                case WRONG_PG, STALE_MAP, UNKNOWN_LAYER -> {
                    map.refresh();
                    againIn(map.image().version() != used.version() ? 0 : pauseNanos());
                    rounds++;
                }
                case CHECKSUM_MISMATCH -> {
                    LOG.warn("{}: {}", life.name(), e.getMessage());
                    if (++damaged < MAX_DAMAGED_TRIES) {
                        againIn(0);
                    } else {
                        result.completeExceptionally(e);
                    }
                }
                case FENCED -> {
                    fenced(e);
                    result.completeExceptionally(e);
                }
                default -> result.completeExceptionally(e);
            }
        }

        private long pauseNanos() {
            return config.backoffNanos(rounds, ThreadLocalRandom.current().nextDouble());
        }

        /** As soon as the volume changes, or after a pause: then a refresh asks another node. */
        private void againWithNewHead() {
            AtomicBoolean gone = new AtomicBoolean();
            CompletableFuture<Void> changed = life.changed();
            changed.thenRun(
                    () -> {
                        if (gone.compareAndSet(false, true)) {
                            againIn(0);
                        }
                    });
            schedule(
                    () -> {
                        if (gone.compareAndSet(false, true)) {
                            attempt();
                        }
                    },
                    pauseNanos());
            rounds++;
        }

        private void fenced(MirachException e) {
            // It may be known already why.
            life.observe(map.image());
            if (!life.endUnexplained(e)) {
                return;
            }
            map.refresh();
            try {
                timer.schedule(life::giveUpExplaining, EXPLANATION_SECONDS, TimeUnit.SECONDS);
            } catch (RejectedExecutionException closing) {
                life.giveUpExplaining();
            }
        }

        private void againIn(long nanos) {
            // Also with no pause: a chain of synchronous answers must not nest.
            schedule(this::attempt, nanos);
        }

        private void schedule(Runnable task, long nanos) {
            try {
                timer.schedule(task, nanos, TimeUnit.NANOSECONDS)
                        // A loop that ends drops what was to come, and nobody else has this trial.
                        .addListener(
                                pause -> {
                                    if (pause.isCancelled()) {
                                        closed();
                                    }
                                });
            } catch (RejectedExecutionException closing) {
                closed();
            }
        }

        private void closed() {
            result.completeExceptionally(
                    new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed"));
        }
    }
}
