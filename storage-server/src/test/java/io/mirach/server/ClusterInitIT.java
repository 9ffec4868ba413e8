package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.ClusterView;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.NodeInitRequest;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Forming a cluster when something is in the way. */
class ClusterInitIT {
    @TempDir Path folder;

    private static void assertRefused(Runnable call, ErrorCode code) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        MirachException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void nothingChangesAnywhereUnlessAllNodesAnswerAndAreNew() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 3)) {
            cluster.startAll();
            cluster.stop(2);
            assertRefused(cluster::init, ErrorCode.UNREACHABLE);
            assertThat(cluster.admin(0).node().initialised()).isFalse();

            // A node that belongs to another cluster.
            cluster.start(2);
            cluster.admin(2)
                    .initNode(
                            new NodeInitRequest(
                                    UUID.randomUUID(),
                                    UUID.randomUUID(),
                                    List.of(UUID.randomUUID()),
                                    List.of()));
            assertRefused(cluster::init, ErrorCode.ALREADY_INITIALISED);
            assertThat(cluster.admin(0).node().initialised()).isFalse();
        }
    }

    @Test
    void aCoordinatorThatEndsHalfWayGoesOnAfterItsRestart() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 3)) {
            cluster.startAll();
            // The second node answers, but its native port is taken: it cannot serve.
            try (ServerSocket taken =
                    new ServerSocket(
                            cluster.config(1).nativeAddress().port(),
                            1,
                            InetAddress.getLoopbackAddress())) {
                assertThat(taken.isBound()).isTrue();
                assertRefused(cluster::init, ErrorCode.INTERNAL);
            }
            UUID begun = cluster.admin(0).node().clusterId().orElseThrow();
            assertThat(cluster.admin(2).node().initialised()).isFalse();
            cluster.stop(0);
            cluster.start(0);
            ClusterView formed = cluster.init();
            assertThat(formed.clusterId()).contains(begun);
            await().atMost(Duration.ofSeconds(60))
                    .ignoreExceptions()
                    .until(() -> cluster.admin().status().pgs().unserved() == 0);
            assertThat(
                            cluster.admin()
                                    .createVolume(new CreateVolumeRequest("vm1", 1 << 20, 0))
                                    .state())
                    .isEqualTo(Volume.State.AVAILABLE);
        }
    }
}
