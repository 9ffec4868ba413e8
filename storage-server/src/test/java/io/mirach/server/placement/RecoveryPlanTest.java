package io.mirach.server.placement;

import static io.mirach.server.metadata.MetaFixtures.dir;
import static io.mirach.server.metadata.MetaFixtures.form;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RecoveryPlanTest {
    private static final PlacementGroupId PG = new PlacementGroupId(1);
    private static final UUID BEFORE = new UUID(3, 1);
    private static final UUID NEXT = new UUID(4, 1);
    private static final Set<UUID> ALL = Set.of(dir(1), dir(2), dir(3));
    private static final MetaCommand RECOVER =
            new MetaCommand.RecoverGroup(
                    PG, BEFORE, 1, new Replica("node-1", dir(1)), NEXT, 1_000, 90, 97);
    private static final MetaCommand RECOVERED = new MetaCommand.GroupRecovered(PG, NEXT);
    private static final MetaCommand DISCARD = new MetaCommand.DiscardReplaced(PG, NEXT);

    private static ClusterImage image(MetaCommand... further) {
        List<MetaCommand> commands = new ArrayList<>(List.of(form()));
        for (int group = 1; group <= 3; group++) {
            commands.add(new MetaCommand.ActivateGroup(new PlacementGroupId(group)));
        }
        Collections.addAll(commands, further);
        return MetaFixtures.after(commands.toArray(MetaCommand[]::new)).image().orElseThrow();
    }

    private static LeaderView ledBy(Set<UUID> voters) {
        return new LeaderView(
                dir(1),
                voters,
                0,
                new LeaderView.Members(voters, Set.of(), Set.of(), Set.of(), ALL, 9));
    }

    /** Old replicas are on nodes 2 and 3. */
    private static List<String> plan(ClusterImage image, Optional<LeaderView> leader) {
        ClusterSight sight =
                new ClusterSight(
                        leader.map(view -> Map.of(PG, view)).orElse(Map.of()),
                        Optional.empty(),
                        Set.of("node-1", "node-2", "node-3"),
                        Set.of(),
                        Set.of(),
                        List.of(
                                new ClusterSight.Held(dir(2), BEFORE),
                                new ClusterSight.Held(dir(3), BEFORE)),
                        Map.of(),
                        Set.of(),
                        0,
                        migration -> false);
        return PlacementDriver.plan(image, sight).stream().map(Step::key).toList();
    }

    @Test
    void survivorTakesOverBeforeAnythingElseOfTheGroup() {
        assertThat(plan(image(RECOVER), Optional.empty()))
                .containsExactly("recover pg1 as " + NEXT);
        // Whoever leads what it was before.
        assertThat(plan(image(RECOVER), Optional.of(ledBy(ALL))))
                .containsExactly("recover pg1 as " + NEXT);
    }

    @Test
    void othersAreMadeAnewAndOldOnesLeftAlone() {
        assertThat(plan(image(RECOVER, RECOVERED), Optional.of(ledBy(Set.of(dir(1))))))
                .containsExactly("rebuild pg1 in " + dir(2));
        assertThat(plan(image(RECOVER, RECOVERED), Optional.of(ledBy(ALL)))).isEmpty();
    }

    @Test
    void oldOnesAreDeletedOnceToldSoAndTheGroupIsWhole() {
        ClusterImage told = image(RECOVER, RECOVERED, DISCARD);
        assertThat(plan(told, Optional.of(ledBy(Set.of(dir(1))))))
                .containsExactly("rebuild pg1 in " + dir(2));
        assertThat(plan(told, Optional.empty())).isEmpty();
        String what = "remove pg1 as it was before its recovery, " + BEFORE + " from ";
        assertThat(plan(told, Optional.of(ledBy(ALL))))
                .containsExactlyInAnyOrder(what + dir(2), what + dir(3));
    }
}
