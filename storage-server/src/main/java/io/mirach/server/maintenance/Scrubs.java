package io.mirach.server.maintenance;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.placement.ClusterSight;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has every placement group scrubbed again and again, on the meta leader: of all that are due and
 * whole, one at a time on each node. The map keeps when a group was found well; what was not is
 * tried again. A replica that differs from a majority is called suspect, so that it is made anew;
 * damaged blocks are repaired by the nodes that find them. Thread-safe; never blocks.
 */
public final class Scrubs {
    private static final Logger LOG = LoggerFactory.getLogger(Scrubs.class);
    private static final long FIRST_REST_NANOS = Duration.ofSeconds(5).toNanos();
    private static final long LAST_REST_NANOS = Duration.ofMinutes(10).toNanos();

    /**
     * What is known of a group's scrubs beside what the map says.
     *
     * @param percent of a scrub under way
     * @param finding what the last one found that nobody can put right
     */
    public record Progress(OptionalInt percent, Optional<String> finding) {
        public static final Progress NONE = new Progress(OptionalInt.empty(), Optional.empty());
    }

    /** Has a group's replicas read and compared; see {@link Verification#scrub}. */
    public interface Reading {
        CompletableFuture<VerificationView> scrub(
                PlacementGroup group, Consumer<VerificationView> progress);
    }

    /** Guarded by the outer object. */
    private static final class Scrubbed {
        OptionalInt percent = OptionalInt.empty();
        Optional<String> finding = Optional.empty();
        long restNanos;
        long notBeforeNanos;
    }

    private final Reading reading;
    private final NodeObservations observations;
    private final Function<MetaCommand, CompletableFuture<?>> metaLog;
    private final long everyMs;
    private final LongSupplier nanoTime;
    private final Map<PlacementGroupId, Scrubbed> groups = new HashMap<>();
    private long term;

    /**
     * @param metaLog logs a change of the map
     * @param every from one scrub of a group to the next; zero: only when somebody asks
     */
    public Scrubs(
            Reading reading,
            NodeObservations observations,
            Function<MetaCommand, CompletableFuture<?>> metaLog,
            Duration every,
            LongSupplier nanoTime) {
        this.reading = reading;
        this.observations = observations;
        this.metaLog = metaLog;
        this.everyMs = every.toMillis();
        this.nanoTime = nanoTime;
    }

    /** This node has begun to lead the meta group. */
    public synchronized void begin() {
        groups.clear();
        term++;
    }

    public synchronized Progress progress(PlacementGroupId id) {
        Scrubbed scrubbed = groups.get(id);
        return scrubbed == null ? Progress.NONE : new Progress(scrubbed.percent, scrubbed.finding);
    }

    /** Begins what should begin; called once per second or more often, while this node leads. */
    public synchronized void tend(ClusterImage image, ClusterSight sight) {
        groups.keySet().retainAll(image.placementGroups().keySet());
        Set<String> busy = new HashSet<>();
        image.placementGroups().values().stream()
                .filter(group -> progress(group.id()).percent().isPresent())
                .forEach(group -> busy.addAll(nodes(group)));
        image.placementGroups().values().stream()
                .filter(group -> group.state() == PlacementGroup.State.ACTIVE)
                .filter(group -> group.scrub().isDue(sight.nowMs(), everyMs))
                .filter(group -> hasRested(group.id()))
                .filter(sight::isWhole)
                .sorted(
                        // Those that somebody waits for, then the oldest.
                        Comparator.<PlacementGroup, Boolean>comparing(
                                        group -> group.scrub().orderedAtMs() == 0)
                                .thenComparing(group -> group.scrub().scrubbedAtMs())
                                .thenComparing(PlacementGroup::id))
                .forEach(
                        group -> {
                            Set<String> needed = nodes(group);
                            if (needed.stream().noneMatch(busy::contains)) {
                                busy.addAll(needed);
                                begin(group, sight.nowMs());
                            }
                        });
    }

    private static Set<String> nodes(PlacementGroup group) {
        return group.replicaSet().holders().stream().map(Replica::node).collect(Collectors.toSet());
    }

    private boolean hasRested(PlacementGroupId id) {
        Scrubbed scrubbed = groups.get(id);
        return scrubbed == null
                || scrubbed.percent.isEmpty()
                        && nanoTime.getAsLong() - scrubbed.notBeforeNanos >= 0;
    }

    private void begin(PlacementGroup group, long nowMs) {
        groups.computeIfAbsent(group.id(), id -> new Scrubbed()).percent = OptionalInt.of(0);
        long begunIn = term;
        reading.scrub(group, view -> seen(group.id(), begunIn, view))
                .whenComplete((view, failure) -> ended(group, begunIn, nowMs, view, failure));
    }

    private synchronized void seen(PlacementGroupId id, long begunIn, VerificationView view) {
        Scrubbed scrubbed = groups.get(id);
        if (scrubbed != null && begunIn == term) {
            scrubbed.percent = OptionalInt.of(view.donePercent());
        }
    }

    private void ended(
            PlacementGroup group,
            long begunIn,
            long beganAtMs,
            VerificationView view,
            Throwable failure) {
        synchronized (this) {
            Scrubbed scrubbed = groups.get(group.id());
            if (scrubbed == null || begunIn != term) {
                return;
            }
            scrubbed.percent = OptionalInt.empty();
            boolean well = failure == null && view.verdict() == Verdict.EQUAL;
            scrubbed.restNanos =
                    well
                            ? FIRST_REST_NANOS
                            : Math.max(
                                    FIRST_REST_NANOS,
                                    Math.min(2 * scrubbed.restNanos, LAST_REST_NANOS));
            scrubbed.notBeforeNanos = nanoTime.getAsLong() + scrubbed.restNanos;
            scrubbed.finding = failure == null ? finding(view) : scrubbed.finding;
        }
        if (failure != null) {
            LOG.warn("{} could not be scrubbed, tried again: {}", group.id(), failure.toString());
            return;
        }
        judge(group, beganAtMs, view);
    }

    /** No majority says which replicas are right, so nobody may choose. */
    private static Optional<String> finding(VerificationView view) {
        return view.verdict() == Verdict.DIFFERENT && done(view).isEmpty()
                ? Optional.of(
                        "its replicas hold different states as of entry "
                                + view.replicas().get(0).index()
                                + ", and no majority of them the same")
                : Optional.empty();
    }

    private static List<VerificationView.Result> done(VerificationView view) {
        return view.replicas().stream().filter(r -> r.state() == State.DONE).toList();
    }

    private void judge(PlacementGroup group, long beganAtMs, VerificationView view) {
        switch (view.verdict()) {
            case EQUAL -> {
                LOG.info(
                        "{} was scrubbed: {} blocks are intact and the same on {} nodes",
                        group.id(),
                        view.replicas().get(0).doneBlocks(),
                        view.replicas().size());
                metaLog.apply(
                                new MetaCommand.Scrubbed(
                                        group.id(), beganAtMs, group.scrub().orderedAtMs()))
                        .exceptionally(
                                refused -> {
                                    LOG.warn("{} is scrubbed again: {}", group.id(), refused + "");
                                    return null;
                                });
            }
            case DIFFERENT -> suspect(group, view);
            case DAMAGED, INCOMPLETE ->
                    LOG.warn(
                            "{} is scrubbed again, for not all was well: {}",
                            group.id(),
                            view.replicas().stream()
                                    .filter(replica -> replica.state() != State.DONE)
                                    .map(r -> r.node() + " " + r.state() + " " + r.detail())
                                    .collect(Collectors.joining("; ")));
        }
    }

    private void suspect(PlacementGroup group, VerificationView view) {
        if (done(view).isEmpty()) {
            LOG.error("{}: {}", group.id(), finding(view).orElseThrow());
            return;
        }
        for (VerificationView.Result replica : view.replicas()) {
            if (replica.state() == State.DIFFERENT) {
                String why =
                        "it does not hold what "
                                + done(view).stream()
                                        .map(VerificationView.Result::node)
                                        .collect(Collectors.joining(" and "))
                                + " hold as of entry "
                                + replica.index();
                LOG.error(
                        "the replica of {} on {} is to be made anew: {}",
                        group.id(),
                        replica.node(),
                        why);
                observations.suspect(group.raftGroupId(), replica.dataDir(), why);
            }
        }
    }
}
