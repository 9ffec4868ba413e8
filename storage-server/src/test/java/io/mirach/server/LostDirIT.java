package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.AddNodeRequest;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.PgView;
import io.mirach.admin.VerificationView.Verdict;
import io.mirach.client.AttachedVolume;
import io.mirach.model.Attachment;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node loses the first of its two disks; the other stays what it is. */
class LostDirIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int EXTENT_BYTES = 1 << 20;
    private static final int LOSER = 2;

    @TempDir Path folder;

    @Test
    void onlyTheLostDataDirIsReplaced() throws Exception {
        try (InProcessCluster cluster = new InProcessCluster(folder, 3, 2)) {
            cluster.startAll();
            cluster.init();
            cluster.awaitHealthy();
            cluster.admin().createVolume(new CreateVolumeRequest("v", 8L << 20, EXTENT_BYTES));
            AttachedVolume volume =
                    cluster.client("gw1")
                            .attach("v", Attachment.Mode.READ_WRITE)
                            .get(60, TimeUnit.SECONDS);
            for (int extent = 0; extent < 8; extent++) {
                volume.write((long) extent * EXTENT_BYTES, Unpooled.wrappedBuffer(new byte[4096]))
                        .get(60, TimeUnit.SECONDS);
            }
            Set<UUID> before = dirsInUse(cluster);
            assertThat(before).hasSize(2);

            cluster.stop(LOSER);
            deleteAll(cluster.config(LOSER).dataDirs().get(0));
            cluster.start(LOSER);
            String http = cluster.httpAddresses().get(LOSER);
            assertThat(cluster.admin(LOSER).node().initialised()).isFalse();
            assertThatThrownBy(() -> cluster.admin(0).addNode(new AddNodeRequest(http, false)))
                    .isInstanceOfSatisfying(
                            MirachException.class,
                            e -> {
                                assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT);
                                assertThat(e.remedy().toString()).contains("--replace");
                            });
            awaitReplaced(cluster, http);

            cluster.awaitHealthy();
            await().atMost(SOON)
                    .ignoreExceptions()
                    .until(
                            () ->
                                    cluster.admin().placementGroups().stream()
                                            .allMatch(LostDirIT::isSettled));
            Set<UUID> after = dirsInUse(cluster);
            assertThat(after).hasSize(2);
            assertThat(before).filteredOn(after::contains).as("what was not lost").hasSize(1);
            for (PgView pg : cluster.admin().placementGroups()) {
                if (pg.id() > 0) {
                    assertThat(VerifyIT.verified(cluster, pg.id()).verdict())
                            .isEqualTo(Verdict.EQUAL);
                }
            }
            assertThat(cluster.failures).isEmpty();
        }
    }

    /** The node counts as alive until its heartbeats have been missed for a while. */
    private static void awaitReplaced(InProcessCluster cluster, String http) {
        await().atMost(SOON)
                .ignoreExceptionsMatching(
                        e -> e instanceof MirachException m && m.getMessage().contains("is alive"))
                .untilAsserted(() -> cluster.admin(0).addNode(new AddNodeRequest(http, true)));
    }

    private static boolean isSettled(PgView pg) {
        return pg.move().isEmpty() && pg.state() == PgView.Condition.HEALTHY;
    }

    private static Set<UUID> dirsInUse(InProcessCluster cluster) {
        List<PgView> groups = cluster.admin().placementGroups();
        return groups.stream()
                .flatMap(pg -> pg.members().stream())
                .filter(member -> member.node().equals(cluster.name(LOSER)))
                .map(PgView.Member::dataDir)
                .collect(Collectors.toSet());
    }

    private static void deleteAll(Path dir) throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
