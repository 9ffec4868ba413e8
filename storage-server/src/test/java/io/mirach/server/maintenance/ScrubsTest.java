package io.mirach.server.maintenance;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.VerificationView;
import io.mirach.admin.VerificationView.State;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.raft.ReplicaStatus;
import io.mirach.server.cluster.NodeHeartbeat;
import io.mirach.server.cluster.NodeObservations;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.metadata.MetaState;
import io.mirach.server.metadata.MetaTransition;
import io.mirach.server.placement.ClusterSight;
import io.mirach.server.placement.LeaderView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Three groups on the same three nodes. */
class ScrubsTest {
    private static final PlacementGroupId PG1 = new PlacementGroupId(1);
    private static final PlacementGroupId PG2 = new PlacementGroupId(2);
    private static final PlacementGroupId PG3 = new PlacementGroupId(3);
    private static final Duration EVERY = Duration.ofHours(1);

    private final Map<PlacementGroupId, CompletableFuture<VerificationView>> running =
            new LinkedHashMap<>();
    private final Map<PlacementGroupId, Consumer<VerificationView>> listeners = new HashMap<>();
    private final List<PlacementGroupId> begun = new ArrayList<>();
    private final Set<UUID> missing = new java.util.HashSet<>();
    private final NodeObservations observations = new NodeObservations(() -> 0);
    private MetaState state = MetaTransition.apply(MetaState.EMPTY, MetaFixtures.form()).next();
    private long nanos;
    private long nowMs = Duration.ofDays(20_000).toMillis();
    private final Scrubs scrubs =
            new Scrubs(this::scrub, observations, this::log, EVERY, () -> nanos);

    @BeforeEach
    void activate() {
        for (PlacementGroupId id : List.of(PG1, PG2, PG3)) {
            log(new MetaCommand.ActivateGroup(id));
        }
    }

    private CompletableFuture<VerificationView> scrub(
            PlacementGroup group, Consumer<VerificationView> progress) {
        begun.add(group.id());
        listeners.put(group.id(), progress);
        CompletableFuture<VerificationView> outcome = new CompletableFuture<>();
        running.put(group.id(), outcome);
        return outcome;
    }

    private CompletableFuture<?> log(MetaCommand command) {
        state = MetaTransition.apply(state, command).next();
        return CompletableFuture.completedFuture(null);
    }

    private ClusterImage image() {
        return state.image().orElseThrow();
    }

    private void tend() {
        nanos += Duration.ofSeconds(1).toNanos();
        nowMs += 1000;
        Map<PlacementGroupId, LeaderView> leaders = new HashMap<>();
        for (PlacementGroup group : image().placementGroups().values()) {
            Set<UUID> dirs =
                    group.replicaSet().replicas().stream()
                            .map(Replica::dataDir)
                            .collect(Collectors.toSet());
            Set<UUID> current =
                    dirs.stream().filter(d -> !missing.contains(d)).collect(Collectors.toSet());
            leaders.put(
                    group.id(),
                    new LeaderView(
                            MetaFixtures.dir(1),
                            current,
                            0,
                            new LeaderView.Members(
                                    dirs, Set.of(), Set.of(), Set.of(), current, 1)));
        }
        scrubs.tend(
                image(),
                new ClusterSight(
                        leaders,
                        Optional.empty(),
                        Set.of(),
                        Set.of(),
                        Set.of(),
                        List.of(),
                        Map.of(),
                        Set.of(),
                        nowMs,
                        migration -> false));
    }

    private void tendFor(Duration time) {
        for (long second = 0; second < time.toSeconds(); second++) {
            tend();
        }
    }

    private static VerificationView view(PlacementGroupId id, Verdict verdict, State... states) {
        List<VerificationView.Result> results = new ArrayList<>();
        for (State each : states) {
            int number = results.size() + 1;
            results.add(
                    new VerificationView.Result(
                            "node-" + number,
                            MetaFixtures.dir(number),
                            each,
                            10,
                            each == State.RUNNING ? 30 : 100,
                            100,
                            1000,
                            "",
                            ""));
        }
        return new VerificationView(id.value(), 7, verdict, true, results);
    }

    private void end(PlacementGroupId id, Verdict verdict, State... states) {
        running.remove(id).complete(view(id, verdict, states));
    }

    private void endWell(PlacementGroupId id) {
        end(id, Verdict.EQUAL, State.DONE, State.DONE, State.DONE);
    }

    @Test
    void oneAtATimeOnANodeAndTheOldestFirst() {
        tend();
        tend();
        assertThat(begun).containsExactly(PG1);
        listeners
                .get(PG1)
                .accept(view(PG1, Verdict.INCOMPLETE, State.DONE, State.RUNNING, State.DONE));
        assertThat(scrubs.progress(PG1).percent()).hasValue(76);
        endWell(PG1);
        assertThat(scrubs.progress(PG1).percent()).isEmpty();
        tend();
        endWell(PG2);
        tend();
        endWell(PG3);
        tendFor(EVERY.minusSeconds(60));
        assertThat(begun).containsExactly(PG1, PG2, PG3);
        tendFor(Duration.ofSeconds(120));
        assertThat(begun).containsExactly(PG1, PG2, PG3, PG1);
    }

    @Test
    void somebodysWishGoesFirst() {
        log(new MetaCommand.OrderScrub(List.of(PG3), nowMs));
        tend();
        assertThat(begun).containsExactly(PG3);
        endWell(PG3);
        assertThat(image().placementGroups().get(PG3).scrub().orderedAtMs()).isZero();
    }

    @Test
    void groupThatIsNotWholeWaits() {
        missing.add(MetaFixtures.dir(3));
        tendFor(Duration.ofSeconds(10));
        assertThat(begun).isEmpty();
        missing.clear();
        tend();
        assertThat(begun).containsExactly(PG1);
    }

    @Test
    void whatWasNotWellIsTriedAgainEachTimeLater() {
        tend();
        end(PG1, Verdict.DAMAGED, State.DONE, State.DAMAGED, State.DONE);
        tend();
        assertThat(begun).containsExactly(PG1, PG2);
        endWell(PG2);
        tend();
        endWell(PG3);
        tendFor(Duration.ofSeconds(10));
        assertThat(begun).containsExactly(PG1, PG2, PG3, PG1);
        running.remove(PG1).completeExceptionally(new IllegalStateException("no leader"));
        tendFor(Duration.ofSeconds(8));
        assertThat(begun).hasSize(4);
        tendFor(Duration.ofSeconds(4));
        assertThat(begun).hasSize(5);
        assertThat(image().placementGroups().get(PG1).scrub().scrubbedAtMs()).isZero();
    }

    @Test
    void replicaThatDiffersFromAMajorityIsSuspect() {
        PlacementGroup group = image().placementGroups().get(PG1);
        observations.heard(
                new NodeHeartbeat(
                        MetaFixtures.node(2),
                        List.of(),
                        List.of(
                                NodeHeartbeat.ReplicaReport.of(
                                        MetaFixtures.dir(2),
                                        ReplicaStatus.lost(group.raftGroupId()))),
                        List.of()));
        tend();
        end(PG1, Verdict.DIFFERENT, State.DONE, State.DIFFERENT, State.DONE);
        Replica second = new Replica("node-2", MetaFixtures.dir(2));
        assertThat(damage(group, second).beyondRepair().orElseThrow())
                .contains("node-1 and node-3");
        assertThat(scrubs.progress(PG1).finding()).isEmpty();
        observations.madeAnew(group.raftGroupId(), MetaFixtures.dir(2));
        assertThat(damage(group, second)).isEqualTo(NodeHeartbeat.Damage.NONE);
    }

    private NodeHeartbeat.Damage damage(PlacementGroup group, Replica replica) {
        return observations.report(replica, group.raftGroupId()).orElseThrow().damage();
    }

    @Test
    void withoutAMajorityNobodyIsSuspectAndItIsTold() {
        tend();
        end(PG1, Verdict.DIFFERENT, State.DIFFERENT, State.DIFFERENT, State.DIFFERENT);
        assertThat(scrubs.progress(PG1).finding().orElseThrow()).contains("no majority");
        endAllOthers();
        tendFor(Duration.ofSeconds(10));
        endWell(PG1);
        assertThat(scrubs.progress(PG1).finding()).isEmpty();
    }

    private void endAllOthers() {
        for (PlacementGroupId id : List.of(PG2, PG3)) {
            tend();
            endWell(id);
        }
    }

    @Test
    void outcomeOfAnEarlierTermOfOfficeDoesNotCount() {
        tend();
        CompletableFuture<VerificationView> old = running.remove(PG1);
        scrubs.begin();
        tend();
        assertThat(begun).containsExactly(PG1, PG1);
        old.complete(
                view(PG1, Verdict.DIFFERENT, State.DIFFERENT, State.DIFFERENT, State.DIFFERENT));
        assertThat(scrubs.progress(PG1).finding()).isEmpty();
        assertThat(scrubs.progress(PG1).percent()).isPresent();
    }
}
