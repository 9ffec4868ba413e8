package io.mirach.server.placement;

import static io.mirach.server.metadata.MetaFixtures.dir;
import static io.mirach.server.metadata.MetaFixtures.form;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.PlacementGroupId;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SurvivalTest {
    private static final ClusterImage IMAGE =
            MetaFixtures.after(form(), new MetaCommand.ActivateGroup(new PlacementGroupId(1)))
                    .image()
                    .orElseThrow();

    private static Set<UUID> dirs(Integer... numbers) {
        return Stream.of(numbers).map(MetaFixtures::dir).collect(Collectors.toSet());
    }

    private static LeaderView view(Set<UUID> caughtUp, Set<UUID> lost, Set<UUID> up) {
        return new LeaderView(
                dir(1),
                caughtUp,
                0,
                new LeaderView.Members(dirs(1, 2, 3), Set.of(), lost, Set.of(), up, 1));
    }

    private static List<Survival.Group> without(String node, LeaderView view) {
        return Survival.without(
                IMAGE,
                new ClusterSight(
                        Map.of(new PlacementGroupId(1), view),
                        Optional.of(view),
                        Set.of("node-1", "node-2", "node-3"),
                        Set.of(),
                        Set.of(),
                        List.of(),
                        Map.of(),
                        Set.of(),
                        0,
                        migration -> false),
                node);
    }

    private static boolean survives(String node, LeaderView view) {
        return without(node, view).stream().allMatch(Survival.Group::survives);
    }

    @Test
    void anyOneOfThreeMayBeLostWhileAllAreCurrent() {
        LeaderView whole = view(dirs(2, 3), Set.of(), dirs(1, 2, 3));
        assertThat(survives("node-1", whole)).isTrue();
        assertThat(survives("node-2", whole)).isTrue();
        // The meta group and pg1, both led there.
        assertThat(without("node-1", whole)).hasSize(2).allMatch(Survival.Group::ledByIt);
    }

    @Test
    void oneThatIsDownBehindOrLostIsNotLeft() {
        LeaderView down = view(dirs(2), Set.of(), dirs(1, 2));
        LeaderView behind = view(dirs(2), Set.of(), dirs(1, 2, 3));
        LeaderView lost = view(dirs(2, 3), dirs(3), dirs(1, 2, 3));
        for (LeaderView view : List.of(down, behind, lost)) {
            assertThat(survives("node-2", view)).isFalse();
            assertThat(survives("node-1", view)).isFalse();
            assertThat(survives("node-3", view)).isTrue();
        }
    }

    @Test
    void groupWhoseMembersAreNotKnownIsNotSafe() {
        LeaderView changing =
                new LeaderView(
                        dir(1),
                        dirs(2, 3),
                        0,
                        new LeaderView.Members(
                                Set.of(), Set.of(), Set.of(), Set.of(), dirs(1, 2, 3), 1));
        assertThat(survives("node-3", changing)).isFalse();
    }

    @Test
    void nodeThatHoldsNothingMayGo() {
        assertThat(without("node-9", view(dirs(2, 3), Set.of(), dirs(1, 2, 3)))).isEmpty();
    }
}
