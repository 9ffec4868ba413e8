package io.mirach.server.maintenance;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.Result;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.GroupOrder;
import io.mirach.server.cluster.GroupOrders;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.cluster.ReplicaDigest;
import io.mirach.server.cluster.StoredBytesSurvey;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Proves that the replicas of a placement group hold the same: has them hash their states as of one
 * entry, and compares. The nodes know what came of it, so any meta leader can answer. Thread-safe;
 * never blocks.
 */
public final class Verification {
    private static final Duration TIMEOUT = Duration.ofSeconds(3);
    // What a double holds exactly: some readers of JSON keep no more.
    private static final long MAX_ID = 1L << 53;
    private static final long FIRST_LOOK_MS = 100;
    private static final long LAST_LOOK_MS = 2_000;
    // So long a replica that is behind may stand still.
    private static final long STILL_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Supplier<ClusterImage> image;
    private final StoredBytesSurvey.Channel channel;
    private final NodeObservations seen;
    private final GroupOrders orders;
    private final ScheduledExecutorService thread;
    private final Map<PlacementGroupId, Watch> underWay = new ConcurrentHashMap<>();

    /**
     * @param thread where a proof that takes long is looked at again; not closed here
     */
    public Verification(
            Supplier<ClusterImage> image,
            StoredBytesSurvey.Channel channel,
            NodeObservations seen,
            GroupOrders orders,
            ScheduledExecutorService thread) {
        this.image = image;
        this.channel = channel;
        this.seen = seen;
        this.orders = orders;
        this.thread = thread;
    }

    /** What is known of one replica: its digest, or why there is none. */
    record Answer(Replica replica, Optional<ReplicaDigest> digest, State otherwise, String detail) {
        static Answer of(Replica replica, ReplicaDigest digest) {
            return new Answer(replica, Optional.of(digest), State.UNKNOWN, "");
        }

        static Answer none(Replica replica, State state, String detail) {
            return new Answer(replica, Optional.empty(), state, detail);
        }
    }

    /**
     * Has all members hash, unless they are about it already: a newer order would take the place of
     * the one before. Completes with the id of the order, once the leader has begun.
     */
    public CompletableFuture<Long> begin(PlacementGroup group) {
        return ofAll(group).id;
    }

    /** Completes, never with a failure, with what the members' nodes say. */
    public CompletableFuture<VerificationView> look(PlacementGroup group, long id) {
        return look(group, group.replicaSet().replicas(), id);
    }

    /**
     * Has all members hash what they hold, as {@link #begin}, and looks until they are done, or
     * until those that are not have stood still for a minute.
     *
     * @param progress told now and then, on any thread
     */
    public CompletableFuture<VerificationView> scrub(
            PlacementGroup group, Consumer<VerificationView> progress) {
        Watch watch = ofAll(group);
        watch.listeners.add(progress);
        return watch.outcome;
    }

    /** As {@link #scrub}, of these replicas only, and as fast as a replica may be brought up. */
    public CompletableFuture<VerificationView> compare(
            PlacementGroup group, List<Replica> replicas) {
        Watch watch = new Watch(group, replicas);
        watch.begin(replicas.stream().map(Replica::dataDir).toList());
        return watch.outcome;
    }

    private Watch ofAll(PlacementGroup group) {
        Watch mine = new Watch(group, group.replicaSet().replicas());
        Watch first = underWay.putIfAbsent(group.id(), mine);
        if (first != null) {
            return first;
        }
        mine.outcome.whenComplete((view, failure) -> underWay.remove(group.id(), mine));
        mine.begin(List.of());
        return mine;
    }

    /** Orders a digest, and looks again and again, each time once the look before has ended. */
    private final class Watch {
        private final PlacementGroup group;
        private final List<Replica> replicas;
        private final List<Consumer<VerificationView>> listeners = new CopyOnWriteArrayList<>();
        private final CompletableFuture<Long> id = new CompletableFuture<>();
        private final CompletableFuture<VerificationView> outcome = new CompletableFuture<>();
        // One look at a time.
        private Optional<VerificationView> last = Optional.empty();
        private long movedNanos = System.nanoTime();
        private long pauseMs = FIRST_LOOK_MS;

        Watch(PlacementGroup group, List<Replica> replicas) {
            this.group = group;
            this.replicas = replicas;
        }

        void begin(List<UUID> only) {
            long drawn = ThreadLocalRandom.current().nextLong(1, MAX_ID);
            orders.log(new GroupOrder.TakeDigest(group.id(), drawn, only))
                    .whenComplete(
                            (begun, failure) -> {
                                if (failure == null) {
                                    id.complete(drawn);
                                    lookLater(drawn);
                                } else {
                                    id.completeExceptionally(failure);
                                    outcome.completeExceptionally(failure);
                                }
                            });
        }

        private void lookLater(long order) {
            try {
                thread.schedule(
                        () -> look(group, replicas, order).thenAccept(view -> seen(order, view)),
                        pauseMs,
                        TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                outcome.completeExceptionally(
                        new MirachException(ErrorCode.SHUTTING_DOWN, "this node is stopping", e));
            }
            pauseMs = Math.min(2 * pauseMs, LAST_LOOK_MS);
        }

        private void seen(long order, VerificationView view) {
            long now = System.nanoTime();
            // One that runs may wait for its turn.
            if (last.filter(view::equals).isEmpty() || any(view.replicas(), State.RUNNING)) {
                movedNanos = now;
            }
            last = Optional.of(view);
            listeners.forEach(listener -> listener.accept(view));
            if (view.settled() || now - movedNanos > STILL_LIMIT_NANOS) {
                outcome.complete(view);
            } else {
                lookLater(order);
            }
        }
    }

    private CompletableFuture<VerificationView> look(
            PlacementGroup group, List<Replica> replicas, long id) {
        List<CompletableFuture<Answer>> answers = new ArrayList<>();
        for (Replica replica : replicas) {
            answers.add(ask(group, replica, id));
        }
        return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                .thenApply(
                        done ->
                                judge(
                                        group.id(),
                                        id,
                                        answers.stream().map(CompletableFuture::join).toList()));
    }

    private CompletableFuture<Answer> ask(PlacementGroup group, Replica replica, long id) {
        Optional<String> lost =
                seen.report(replica, group.raftGroupId()).flatMap(report -> report.lostBecause());
        if (lost.isPresent()) {
            return CompletableFuture.completedFuture(Answer.none(replica, State.LOST, lost.get()));
        }
        StorageNode node = image.get().nodes().get(replica.node());
        if (node == null) {
            return CompletableFuture.completedFuture(
                    Answer.none(replica, State.UNREACHABLE, "the node was removed"));
        }
        ReplicaDigest.Query query =
                new ReplicaDigest.Query(replica.dataDir(), group.raftGroupId(), id);
        return channel.request(
                        node.nativeAddress(),
                        Opcode.DIGEST,
                        JsonBody.encode(query, ByteBufAllocator.DEFAULT),
                        TIMEOUT)
                .thenApply(body -> Answer.of(replica, JsonBody.decode(body, ReplicaDigest.class)))
                .exceptionally(
                        failure -> {
                            Throwable cause =
                                    failure instanceof CompletionException
                                            ? failure.getCause()
                                            : failure;
                            return Answer.none(
                                    replica, State.UNREACHABLE, String.valueOf(cause.getMessage()));
                        });
    }

    // ---- The verdict ----

    static VerificationView judge(PlacementGroupId group, long id, List<Answer> answers) {
        OptionalLong ordered =
                answers.stream()
                        .flatMap(answer -> answer.digest().stream())
                        .filter(digest -> digest.state() != ReplicaDigest.State.UNKNOWN)
                        .mapToLong(ReplicaDigest::index)
                        .min();
        long index = comparedIndex(answers);
        Optional<String> majority = majority(answers, index);
        List<Result> results =
                answers.stream().map(a -> result(a, ordered, index, majority)).toList();
        Verdict verdict =
                any(results, State.DIFFERENT)
                        ? Verdict.DIFFERENT
                        : any(results, State.DAMAGED)
                                ? Verdict.DAMAGED
                                : !results.isEmpty()
                                                && results.stream()
                                                        .allMatch(r -> r.state() == State.DONE)
                                        ? Verdict.EQUAL
                                        : Verdict.INCOMPLETE;
        boolean settled = !any(results, State.RUNNING) && !any(results, State.BEHIND);
        return new VerificationView(group.value(), id, verdict, settled, results);
    }

    private static boolean any(List<Result> results, State state) {
        return results.stream().anyMatch(result -> result.state() == state);
    }

    private static List<ReplicaDigest> done(List<Answer> answers) {
        return answers.stream()
                .flatMap(answer -> answer.digest().stream())
                .filter(digest -> digest.state() == ReplicaDigest.State.DONE)
                .toList();
    }

    /**
     * The entry as of which most are hashed. They differ only if the order was logged twice and a
     * replica was restarted in between; states as of different entries prove nothing.
     */
    private static long comparedIndex(List<Answer> answers) {
        Map<Long, Integer> votes = new TreeMap<>();
        done(answers).forEach(digest -> votes.merge(digest.index(), 1, Integer::sum));
        long best = -1;
        for (Map.Entry<Long, Integer> vote : votes.entrySet()) {
            if (best < 0 || vote.getValue() > votes.get(best)) {
                best = vote.getKey();
            }
        }
        return best;
    }

    /** The digest of more than half of those that can be compared, if there is one. */
    private static Optional<String> majority(List<Answer> answers, long index) {
        List<String> compared =
                done(answers).stream()
                        .filter(digest -> digest.index() == index)
                        .map(ReplicaDigest::sha256)
                        .toList();
        Map<String, Integer> votes = new HashMap<>();
        compared.forEach(sha256 -> votes.merge(sha256, 1, Integer::sum));
        return votes.entrySet().stream()
                .filter(vote -> 2 * vote.getValue() > compared.size())
                .map(Map.Entry::getKey)
                .findFirst();
    }

    private static Result result(
            Answer answer, OptionalLong ordered, long index, Optional<String> majority) {
        if (answer.digest().isEmpty()) {
            return new Result(
                    answer.replica().node(),
                    answer.replica().dataDir(),
                    answer.otherwise(),
                    -1,
                    0,
                    0,
                    0,
                    "",
                    answer.detail());
        }
        ReplicaDigest digest = answer.digest().get();
        State state = state(digest, ordered, index, majority);
        return new Result(
                answer.replica().node(),
                answer.replica().dataDir(),
                state,
                digest.index(),
                digest.doneBlocks(),
                digest.totalBlocks(),
                digest.bytes(),
                digest.sha256(),
                detail(state, digest, ordered, majority));
    }

    private static State state(
            ReplicaDigest digest, OptionalLong ordered, long index, Optional<String> majority) {
        return switch (digest.state()) {
            case RUNNING -> State.RUNNING;
            case DAMAGED -> State.DAMAGED;
            case FAILED -> State.GAVE_UP;
            case UNKNOWN ->
                    ordered.isPresent() && digest.index() < ordered.getAsLong()
                            ? State.BEHIND
                            : State.UNKNOWN;
            case DONE -> {
                if (digest.index() != index) {
                    yield State.UNKNOWN;
                }
                yield majority.filter(digest.sha256()::equals).isPresent()
                        ? State.DONE
                        : State.DIFFERENT;
            }
        };
    }

    private static String detail(
            State state, ReplicaDigest digest, OptionalLong ordered, Optional<String> majority) {
        return switch (state) {
            case BEHIND ->
                    ordered.orElse(0) - digest.index() + " entries before the one to compare at";
            case UNKNOWN ->
                    digest.state() == ReplicaDigest.State.DONE
                            ? "hashed as of another entry"
                            : "its node knows no digest of this id: restarted or brought up since";
            case DIFFERENT ->
                    majority.isPresent()
                            ? "does not hold what the others hold"
                            : "no two replicas hold the same";
            default -> digest.detail();
        };
    }
}
