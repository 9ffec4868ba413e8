package io.mirach.server.admin;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.Result;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.StorageNode;
import io.mirach.protocol.JsonBody;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Proves that the replicas of a placement group hold the same: has them hash their states as of one
 * entry, and compares. Keeps nothing: the nodes know, so any meta leader can go on. Thread-safe;
 * never blocks.
 */
public final class Verification {
    private static final Duration TIMEOUT = Duration.ofSeconds(3);
    // What a double holds exactly: some readers of JSON keep no more.
    private static final long MAX_ID = 1L << 53;

    private final StoredBytesSurvey.Channel channel;
    private final NodeObservations seen;
    private final GroupOrders orders;

    public Verification(
            StoredBytesSurvey.Channel channel, NodeObservations seen, GroupOrders orders) {
        this.channel = channel;
        this.seen = seen;
        this.orders = orders;
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

    /** Completes with the id of the order, once its leader has begun. */
    CompletableFuture<Long> begin(PlacementGroupId group) {
        long id = ThreadLocalRandom.current().nextLong(1, MAX_ID);
        return orders.log(new GroupOrder.TakeDigest(group, id)).thenApply(done -> id);
    }

    /** Completes, never with a failure, with what the nodes say. */
    CompletableFuture<VerificationView> look(ClusterImage image, PlacementGroup group, long id) {
        List<CompletableFuture<Answer>> answers = new ArrayList<>();
        for (Replica replica : group.replicaSet().replicas()) {
            answers.add(ask(image, group, replica, id));
        }
        return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                .thenApply(
                        done ->
                                judge(
                                        group.id(),
                                        id,
                                        answers.stream().map(CompletableFuture::join).toList()));
    }

    private CompletableFuture<Answer> ask(
            ClusterImage image, PlacementGroup group, Replica replica, long id) {
        Optional<String> lost =
                seen.report(replica, group.raftGroupId()).flatMap(report -> report.lostBecause());
        if (lost.isPresent()) {
            return CompletableFuture.completedFuture(Answer.none(replica, State.LOST, lost.get()));
        }
        StorageNode node = image.nodes().get(replica.node());
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
