package io.mirach.server.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.NodeDuty;
import io.mirach.model.StorageNode;
import io.mirach.server.metadata.MetaCommand;
import io.mirach.server.metadata.MetaFixtures;
import io.mirach.server.placement.ClusterSight;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class NodeObservationsTest {
    private static final long REPLACE_AFTER_MS = 600_000;

    private long nowNanos;
    private final NodeObservations seen = new NodeObservations(() -> nowNanos);
    private ClusterImage image = MetaFixtures.after(MetaFixtures.form()).image().orElseThrow();

    private void pass(long ms) {
        nowNanos += TimeUnit.MILLISECONDS.toNanos(ms);
    }

    private void heard(StorageNode node) {
        seen.heard(new NodeHeartbeat(node, List.of(), List.of(), List.of()));
    }

    private ClusterSight sight(long replaceAfterMs, long nowMs) {
        return seen.sight(image, replaceAfterMs, nowMs, migration -> false);
    }

    @Test
    void nodeIsAwayOnceItWasNotHeardForLong() {
        heard(MetaFixtures.node(2));
        pass(REPLACE_AFTER_MS);
        heard(MetaFixtures.node(1));
        // Node 3 was never heard: it counts from when this leader began to listen.
        assertThat(sight(REPLACE_AFTER_MS, 0).away()).isEmpty();
        pass(1);
        assertThat(sight(REPLACE_AFTER_MS, 0).away()).containsExactlyInAnyOrder("node-2", "node-3");
        assertThat(sight(REPLACE_AFTER_MS, 0).up()).containsExactly("node-1");
        assertThat(sight(0, 0).away()).isEmpty();
    }

    @Test
    void newLeaderBeginsToCountAnew() {
        pass(REPLACE_AFTER_MS + 1);
        seen.begin();
        assertThat(sight(REPLACE_AFTER_MS, 0).away()).isEmpty();
    }

    @Test
    void nodeInMaintenanceIsNotAway() {
        image =
                MetaFixtures.after(
                                MetaFixtures.form(),
                                new MetaCommand.SetDuty(
                                        "node-2",
                                        NodeDuty.FULL,
                                        NodeDuty.FULL.inMaintenanceUntil(1_000)))
                        .image()
                        .orElseThrow();
        pass(REPLACE_AFTER_MS + 1);
        heard(MetaFixtures.node(1));
        assertThat(sight(REPLACE_AFTER_MS, 999).away()).containsExactly("node-3");
        assertThat(sight(REPLACE_AFTER_MS, 1_000).away())
                .containsExactlyInAnyOrder("node-2", "node-3");
    }

    /** One that uses the name of a node, with data dirs of its own, is not that node. */
    @Test
    void nodeWithOtherDataDirsIsNotUp() {
        StorageNode other =
                new StorageNode(
                        "node-1",
                        List.of(new DataDir(new UUID(9, 9), "a:1")),
                        "a:2",
                        "a:3",
                        "",
                        "",
                        MetaFixtures.node(1).labels());
        heard(other);
        assertThat(sight(REPLACE_AFTER_MS, 0).up()).isEmpty();
        heard(MetaFixtures.node(1));
        assertThat(sight(REPLACE_AFTER_MS, 0).up()).containsExactly("node-1");
    }
}
