package io.mirach.server.placement;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.NodeDuty;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.metadata.MetaState;
import io.mirach.server.metadata.MetaTransition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Plans against a model of the cluster: nodes come, go, lose their disks and are drained, replicas
 * spoil, at random and at most one of them at a time, while steps are taken late, twice, or not at
 * all, on sights that are old.
 */
class PlacementModelTest {
    private static final int ROUNDS = 400;

    /** A Raft group as it is. */
    private static final class Raft {
        Set<UUID> voters;
        final Set<UUID> learners = new TreeSet<>();
        final Set<UUID> caughtUp = new HashSet<>();
        final Set<UUID> spoiled = new TreeSet<>();
        UUID leader;
        long configuration = 1;
        // By data dir, since which configuration it exists.
        final Map<UUID, Long> bornAt = new TreeMap<>();
    }

    private record Planned(Step step, ClusterImage image) {}

    private final Map<UUID, Raft> groups = new HashMap<>();
    private final Set<String> down = new TreeSet<>();
    private MetaState state;
    private Random random;
    private int drawn = 100;
    private long nowMs;

    private ClusterImage image() {
        return state.image().orElseThrow();
    }

    private void log(MetaCommand command) {
        // As in the cluster a refusal changes nothing, and the plan is made anew.
        state = MetaTransition.apply(state, command).next();
    }

    private void form(int nodes, int groupCount) {
        List<StorageNode> all = new ArrayList<>();
        for (int i = 1; i <= nodes; i++) {
            all.add(node("node-" + i, i % 4));
        }
        List<MetaCommand.NewGroup> placed =
                ReplicaPlacement.place(all, groupCount).stream()
                        .map(
                                choice ->
                                        new MetaCommand.NewGroup(
                                                new UUID(3, drawn++),
                                                choice.replicas(),
                                                choice.preferredLeader()))
                        .toList();
        List<Replica> meta = placed.get(0).replicas();
        state = MetaState.EMPTY;
        log(
                new MetaCommand.FormCluster(
                        MetaFixtures.CLUSTER,
                        MetaFixtures.META_GROUP,
                        new ReplicaSet(1, meta),
                        all,
                        placed));
        for (PlacementGroup group : image().placementGroups().values()) {
            log(new MetaCommand.ActivateGroup(group.id()));
            open(group.raftGroupId(), group.replicaSet());
        }
        open(MetaFixtures.META_GROUP, image().metaReplicas());
    }

    private void open(UUID raftGroupId, ReplicaSet set) {
        Raft raft = new Raft();
        raft.voters =
                set.replicas().stream()
                        .map(Replica::dataDir)
                        .collect(Collectors.toCollection(TreeSet::new));
        raft.caughtUp.addAll(raft.voters);
        raft.leader = raft.voters.iterator().next();
        raft.voters.forEach(dir -> raft.bornAt.put(dir, 0L));
        groups.put(raftGroupId, raft);
    }

    private StorageNode node(String name, int rack) {
        List<DataDir> dirs = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            dirs.add(new DataDir(new UUID(4, drawn++), name + ":" + i));
        }
        return new StorageNode(name, dirs, name + ":8", name + ":9", "", "rack-" + rack, Map.of());
    }

    private boolean isUp(UUID dir) {
        return image().nodeOfDataDir(dir).filter(n -> !down.contains(n.name())).isPresent();
    }

    // ---- what the meta leader sees ----

    private ClusterSight sight() {
        Map<PlacementGroupId, LeaderView> leaders = new HashMap<>();
        for (PlacementGroup group : image().placementGroups().values()) {
            view(group.raftGroupId()).ifPresent(view -> leaders.put(group.id(), view));
        }
        Set<String> up = new HashSet<>(image().nodes().keySet());
        up.removeAll(down);
        Map<UUID, ClusterSight.Room> rooms = new HashMap<>();
        Set<String> arrived = new HashSet<>();
        for (StorageNode node : image().nodes().values()) {
            if (up.contains(node.name())) {
                node.dataDirs()
                        .forEach(d -> rooms.put(d.id(), new ClusterSight.Room(1, 100, true)));
                arrived.add(node.name());
            }
        }
        List<ClusterSight.Held> held = new ArrayList<>();
        groups.forEach(
                (id, raft) ->
                        raft.bornAt.keySet().stream()
                                .filter(this::isUp)
                                .forEach(dir -> held.add(new ClusterSight.Held(dir, id))));
        return new ClusterSight(
                leaders,
                view(MetaFixtures.META_GROUP),
                up,
                down,
                arrived,
                held,
                rooms,
                Set.of(),
                nowMs,
                migration -> false);
    }

    private Optional<LeaderView> view(UUID raftGroupId) {
        Raft raft = groups.get(raftGroupId);
        elect(raft);
        if (raft.leader == null) {
            return Optional.empty();
        }
        Set<UUID> up =
                image().nodes().values().stream()
                        .flatMap(n -> n.dataDirs().stream())
                        .map(DataDir::id)
                        .filter(this::isUp)
                        .collect(Collectors.toSet());
        Set<UUID> followers =
                raft.caughtUp.stream()
                        .filter(this::isUp)
                        .filter(dir -> !dir.equals(raft.leader))
                        .filter(dir -> !raft.spoiled.contains(dir))
                        .collect(Collectors.toSet());
        return Optional.of(
                new LeaderView(
                        raft.leader,
                        followers,
                        60_000,
                        new LeaderView.Members(
                                raft.voters,
                                raft.learners,
                                raft.learners.stream()
                                        .filter(dir -> isUp(dir))
                                        .filter(dir -> !raft.bornAt.containsKey(dir))
                                        .collect(Collectors.toSet()),
                                raft.spoiled.stream()
                                        .filter(this::isUp)
                                        .collect(Collectors.toSet()),
                                up,
                                raft.configuration)));
    }

    private void elect(Raft raft) {
        List<UUID> standing = raft.voters.stream().filter(this::counts).toList();
        if (standing.size() * 2 <= raft.voters.size()) {
            raft.leader = null;
        } else if (raft.leader == null || !standing.contains(raft.leader)) {
            raft.leader = standing.get(random.nextInt(standing.size()));
        }
    }

    /** A voter that is up, and still has what it acknowledged. */
    private boolean counts(UUID dir) {
        return isUp(dir);
    }

    // ---- what nodes do ----

    private boolean changed(Raft raft, Set<UUID> expected, Set<UUID> voters, Set<UUID> learners) {
        elect(raft);
        if (raft.leader == null || !raft.voters.equals(expected)) {
            return false;
        }
        if (raft.voters.equals(voters) && raft.learners.equals(learners)) {
            return true;
        }
        assertThat(changesMajority(raft.voters, voters))
                .as("%s to %s is refused for ever", raft.voters, voters)
                .isFalse();
        boolean agreed =
                raft.voters.stream().filter(this::counts).count() * 2 > raft.voters.size()
                        && voters.stream().filter(this::counts).count() * 2 > voters.size()
                        && voters.contains(raft.leader)
                        // Raft itself has a new voter catch up first.
                        && raft.caughtUp.containsAll(voters);
        if (agreed) {
            raft.voters = new TreeSet<>(voters);
            raft.learners.clear();
            raft.learners.addAll(learners);
            raft.configuration++;
        }
        return agreed;
    }

    /** Ratis refuses a change in which as many voters are new as are old ones. */
    private static boolean changesMajority(Set<UUID> old, Set<UUID> voters) {
        long fresh = voters.stream().filter(voter -> !old.contains(voter)).count();
        boolean becomesTwo = old.size() == 1 && voters.size() == 2 && fresh == 1;
        return fresh >= voters.size() - fresh && !becomesTwo;
    }

    private Set<UUID> known(Set<UUID> dirs, UUID... without) {
        Set<UUID> known = new TreeSet<>(dirs);
        known.removeAll(List.of(without));
        known.removeIf(dir -> image().nodeOfDataDir(dir).isEmpty());
        return known;
    }

    private void take(Step step) {
        if (step instanceof Step.MoveReplica s) {
            log(new MetaCommand.MoveReplica(s.group().placementGroup(), s.version(), s.move()));
        } else if (step instanceof Step.FinishMove s) {
            log(new MetaCommand.EndMove(s.group().placementGroup(), s.version(), true));
        } else if (step instanceof Step.PreferLeader s) {
            log(new MetaCommand.PreferLeader(s.group(), s.dataDir()));
        } else if (step instanceof Step.AdmitNode s) {
            log(new MetaCommand.NodeJoined(s.node().name(), s.node().dataDirs()));
        } else if (step instanceof Step.RebuildReplica s) {
            rebuild(s);
        } else if (step instanceof Step.PromoteReplica s) {
            if (groups.get(s.group().raftGroupId()).spoiled.contains(s.dataDir())) {
                return; // It is not proven to hold what the leader holds.
            }
            Set<UUID> voters = known(s.members().voters());
            voters.add(s.dataDir());
            s.insteadOf().ifPresent(voters::remove);
            changed(
                    groups.get(s.group().raftGroupId()),
                    s.members().voters(),
                    voters,
                    known(s.members().learners(), s.dataDir()));
        } else if (step instanceof Step.DismissReplica s) {
            changed(
                    groups.get(s.group().raftGroupId()),
                    s.members().voters(),
                    known(s.members().voters(), s.dataDir()),
                    known(s.members().learners(), s.dataDir()));
        } else if (step instanceof Step.CancelMove s) {
            boolean done =
                    changed(
                            groups.get(s.group().raftGroupId()),
                            s.members().voters(),
                            known(s.members().voters()),
                            known(s.members().learners(), s.dataDir()));
            if (done) {
                log(new MetaCommand.EndMove(s.group().placementGroup(), s.version(), false));
            }
        } else if (step instanceof Step.RemoveReplica s) {
            remove(s);
        } else if (step instanceof Step.MoveLeader s) {
            Raft raft = groups.get(s.group().raftGroupId());
            if (s.from().equals(raft.leader) && raft.voters.contains(s.to()) && counts(s.to())) {
                raft.leader = s.to();
            }
        } else {
            throw new AssertionError("unexpected: " + step);
        }
    }

    private void rebuild(Step.RebuildReplica s) {
        Raft raft = groups.get(s.group().raftGroupId());
        Set<UUID> voters = known(s.members().voters(), s.dataDir());
        Set<UUID> learners = known(s.members().learners(), s.dataDir());
        if (!isUp(s.dataDir()) || !changed(raft, s.members().voters(), voters, learners)) {
            return;
        }
        if (s.members().spoiled().contains(s.dataDir())) {
            assertThat(voters)
                    .as("a whole copy is left")
                    .anyMatch(dir -> raft.caughtUp.contains(dir) && !raft.spoiled.contains(dir));
            forget(raft, s.dataDir());
        }
        if (!raft.bornAt.containsKey(s.dataDir())) {
            raft.bornAt.put(s.dataDir(), raft.configuration);
            raft.caughtUp.remove(s.dataDir());
        }
        if (random.nextInt(4) > 0) {
            learners.add(s.dataDir());
            changed(raft, voters, voters, learners);
        }
    }

    private void remove(Step.RemoveReplica s) {
        Raft raft = groups.get(s.group().raftGroupId());
        Long bornAt = raft.bornAt.get(s.dataDir());
        boolean memberAgain =
                raft.configuration > s.configuration()
                        && (raft.voters.contains(s.dataDir())
                                || raft.learners.contains(s.dataDir()) && random.nextBoolean());
        if (!isUp(s.dataDir()) || bornAt == null || bornAt > s.configuration() || memberAgain) {
            return;
        }
        assertThat(raft.voters).as("no voter is deleted").doesNotContain(s.dataDir());
        forget(raft, s.dataDir());
    }

    // ---- what happens to nodes ----

    private void happen() {
        List<String> names = image().nodes().keySet().stream().sorted().toList();
        String name = names.get(random.nextInt(names.size()));
        StorageNode node = image().nodes().get(name);
        switch (random.nextInt(9)) {
            case 0 -> {
                if (down.isEmpty() && isCalm()) {
                    down.add(name);
                }
            }
            case 1 -> down.clear();
            case 2 -> {
                // Its disks are lost: a new node of the same name.
                if (down.contains(name)) {
                    StorageNode fresh = node(name, random.nextInt(4));
                    node.dataDirs().forEach(dir -> forget(dir.id()));
                    log(new MetaCommand.AddNode(fresh, node.dataDirs()));
                    down.remove(name);
                }
            }
            case 3 -> {
                if (names.size() < 7) {
                    log(
                            new MetaCommand.AddNode(
                                    node("node-" + drawn++, random.nextInt(4)), List.of()));
                }
            }
            case 4 -> duty(node, node.duty().with(NodeDuty.State.DRAINING));
            case 5 -> duty(node, node.duty().with(NodeDuty.State.IN_SERVICE));
            case 6 ->
                    duty(
                            node,
                            node.duty().inMaintenanceUntil(random.nextBoolean() ? nowMs + 10 : 0));
            case 7 -> spoil(node);
            default -> log(new MetaCommand.RemoveNode(name));
        }
    }

    private void duty(StorageNode node, NodeDuty duty) {
        if (node.duty().state() != NodeDuty.State.JOINING) {
            log(new MetaCommand.SetDuty(node.name(), node.duty(), duty));
        }
    }

    private void forget(UUID dir) {
        groups.values().forEach(raft -> forget(raft, dir));
    }

    private static void forget(Raft raft, UUID dir) {
        raft.bornAt.remove(dir);
        raft.caughtUp.remove(dir);
        raft.spoiled.remove(dir);
    }

    /** One of its replicas of a placement group turns out to be beyond repair. */
    private void spoil(StorageNode node) {
        if (!down.isEmpty() || !isCalm()) {
            return;
        }
        for (PlacementGroup group : image().placementGroups().values()) {
            Raft raft = groups.get(group.raftGroupId());
            for (DataDir dir : node.dataDirs()) {
                if (raft.bornAt.containsKey(dir.id()) && raft.spoiled.isEmpty()) {
                    raft.spoiled.add(dir.id());
                    return;
                }
            }
        }
    }

    /** Whether one more node may be lost: no group lacks a voter. */
    private boolean isCalm() {
        return groups.values().stream()
                .allMatch(
                        raft ->
                                raft.voters.size() >= 3
                                        && raft.spoiled.isEmpty()
                                        && raft.voters.stream().allMatch(this::counts));
    }

    private void catchUp() {
        groups.values()
                .forEach(
                        raft ->
                                raft.learners.stream()
                                        .filter(dir -> raft.bornAt.containsKey(dir) && isUp(dir))
                                        .filter(dir -> random.nextBoolean())
                                        .forEach(raft.caughtUp::add));
    }

    private void check() {
        groups.forEach(
                (id, raft) -> {
                    elect(raft);
                    assertThat(raft.leader).as("group %s is led", id).isNotNull();
                    assertThat(raft.voters.size()).isBetween(2, 4);
                });
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void everyGroupIsLedAllAlongAndWholeAndEvenlySpreadInTheEnd(long seed) {
        random = new Random(seed);
        form(4 + random.nextInt(2), 6);
        List<Planned> late = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            nowMs++;
            if (random.nextInt(6) == 0) {
                happen();
            }
            check();
            for (Step step : PlacementDriver.plan(image(), sight())) {
                if (random.nextInt(3) > 0) {
                    take(step);
                    check();
                } else {
                    late.add(new Planned(step, image()));
                }
            }
            if (!late.isEmpty() && random.nextInt(2) == 0) {
                take(late.remove(random.nextInt(late.size())).step());
                check();
            }
            if (random.nextInt(3) == 0) {
                catchUp();
            }
        }
        settle();
    }

    /** Everybody is up and in service: soon there is nothing left to do. */
    private void settle() {
        down.clear();
        for (StorageNode node : List.copyOf(image().nodes().values())) {
            duty(node, NodeDuty.FULL);
        }
        List<Step> steps = List.of();
        for (int round = 0; round < 2_000; round++) {
            nowMs++;
            steps = PlacementDriver.plan(image(), sight());
            boolean learning =
                    groups.values().stream()
                            .anyMatch(r -> !r.learners.isEmpty() || !r.spoiled.isEmpty());
            if (steps.isEmpty() && !learning) {
                break;
            }
            steps.forEach(this::take);
            catchUp();
            check();
        }
        assertThat(steps).as("nothing is left to do").isEmpty();
        image().replicaSets().forEach(this::assertWhole);
        assertThat(groups.values()).allSatisfy(raft -> assertThat(raft.spoiled).isEmpty());
        groups.forEach(
                (id, raft) ->
                        assertThat(known(raft.bornAt.keySet()))
                                .as("no other node holds group %s", id)
                                .containsExactlyInAnyOrderElementsOf(raft.voters));
        assertEven();
    }

    private void assertWhole(ReplicaSet set) {
        assertThat(set.move()).isEmpty();
        assertThat(set.replicas()).hasSize(3);
        assertThat(set.replicas().stream().map(Replica::node).distinct()).hasSize(3);
    }

    private void assertEven() {
        Map<String, Long> replicas = new TreeMap<>();
        Map<String, Long> leaders = new TreeMap<>();
        for (String node : image().nodes().keySet()) {
            replicas.put(node, 0L);
            leaders.put(node, 0L);
        }
        for (PlacementGroup group : image().placementGroups().values()) {
            group.replicaSet().replicas().forEach(r -> replicas.merge(r.node(), 1L, Long::sum));
            UUID leader = groups.get(group.raftGroupId()).leader;
            assertThat(leader).isEqualTo(group.preferredLeader());
            leaders.merge(image().nodeOfDataDir(leader).orElseThrow().name(), 1L, Long::sum);
        }
        assertThat(spread(leaders)).as("leaders %s", leaders).isLessThanOrEqualTo(2);
        assertThat(spread(replicas)).as("replicas %s", replicas).isLessThanOrEqualTo(6);
    }

    private static long spread(Map<String, Long> counts) {
        return counts.values().stream().max(Comparator.naturalOrder()).orElseThrow()
                - counts.values().stream().min(Comparator.naturalOrder()).orElseThrow();
    }
}
