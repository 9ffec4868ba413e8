package io.mirach.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.mirach.admin.AddNodeRequest;
import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.admin.NodeSummary;
import io.mirach.admin.PgView;
import io.mirach.admin.RecoverRequest;
import io.mirach.admin.RecoveryView;
import io.mirach.admin.StatusView;
import io.mirach.admin.VerificationOrder;
import io.mirach.admin.VerificationView;
import io.mirach.client.AttachedVolume;
import io.mirach.client.OpenSnapshot;
import io.mirach.client.VolumeIo;
import io.mirach.model.Attachment;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two of a placement group's three replicas are gone for good; it goes on from the third. */
class RecoverIT {
    private static final Duration SOON = Duration.ofSeconds(120);
    private static final int EXTENT_BYTES = 1 << 20;
    private static final int EXTENTS = 16;

    @TempDir Path folder;
    private InProcessCluster cluster;
    private AttachedVolume volume;
    private PgView group;
    private int survivor;
    private List<Integer> lost;

    @BeforeEach
    void writeAVolume() throws Exception {
        cluster = new InProcessCluster(folder, 5, 1, VerifyIT::flushedOnClose);
        cluster.startAll();
        cluster.init();
        cluster.awaitHealthy();
        cluster.admin()
                .createVolume(
                        new CreateVolumeRequest(
                                "vm1", (long) EXTENTS * EXTENT_BYTES, EXTENT_BYTES));
        volume = attach("gw1");
        writeAll(1);
        take("one");
        group = cluster.admin().placementGroups().get(1);
        List<Integer> members =
                group.members().stream()
                        .map(PgView.Member::node)
                        .map(cluster::indexOf)
                        .sorted()
                        .toList();
        survivor = members.get(0);
        lost = members.subList(1, 3);
    }

    @AfterEach
    void close() {
        assertThat(cluster.failures).isEmpty();
        cluster.close();
    }

    private AttachedVolume attach(String gateway) throws Exception {
        return cluster.client(gateway)
                .attach("vm1", Attachment.Mode.READ_WRITE)
                .get(60, TimeUnit.SECONDS);
    }

    /** Who was attached before is told so, and is admitted nowhere. */
    private void attachAnew() throws Exception {
        AttachedVolume before = volume;
        await().atMost(SOON)
                .ignoreExceptions()
                .until(
                        () -> {
                            volume = attach("gw2");
                            return true;
                        });
        assertThatThrownBy(() -> before.read(0, 4096).get(60, TimeUnit.SECONDS))
                .hasRootCauseInstanceOf(MirachException.class)
                .rootCause()
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).as("%s", e).isEqualTo(ErrorCode.FENCED));
    }

    private void writeAll(int value) throws Exception {
        for (int extent = 0; extent < EXTENTS; extent++) {
            byte[] data = new byte[EXTENT_BYTES];
            Arrays.fill(data, (byte) (value + extent));
            volume.write((long) extent * EXTENT_BYTES, Unpooled.wrappedBuffer(data))
                    .get(60, TimeUnit.SECONDS);
        }
    }

    private void take(String name) {
        assertThat(cluster.admin().createSnapshot("vm1", new CreateSnapshotRequest(name)).state())
                .isEqualTo(Snapshot.State.READY);
    }

    private void requireSnapshot(String name, int... values) throws Exception {
        try (OpenSnapshot snapshot =
                cluster.client("reader")
                        .openSnapshot(new SnapshotName("vm1", name))
                        .get(60, TimeUnit.SECONDS)) {
            requireContents(snapshot, values);
        }
    }

    private void requireContents(int... values) throws Exception {
        requireContents(volume, values);
    }

    /** Every extent holds what was written with one of the values. */
    private static void requireContents(VolumeIo source, int... values) throws Exception {
        for (int extent = 0; extent < EXTENTS; extent++) {
            ByteBuf read =
                    source.read((long) extent * EXTENT_BYTES, EXTENT_BYTES)
                            .get(60, TimeUnit.SECONDS);
            try {
                byte[] bytes = ByteBufUtil.getBytes(read);
                byte[] same = new byte[EXTENT_BYTES];
                Arrays.fill(same, bytes[0]);
                assertThat(bytes).isEqualTo(same);
                assertThat(values).as("extent %s", extent).contains(bytes[0] - extent);
            } finally {
                read.release();
            }
        }
    }

    private PgView now() {
        return now(group.id());
    }

    private PgView now(int id) {
        return cluster.admin(survivor).placementGroups().stream()
                .filter(pg -> pg.id() == id)
                .findFirst()
                .orElseThrow();
    }

    private void loseTheOthers() {
        lost.forEach(cluster::stop);
        awaitRecoverable();
    }

    /** All that have no majority: other groups may have lost the same two. */
    private List<Integer> recoverWhatIsLost() {
        List<Integer> recovered =
                cluster.admin(survivor).placementGroups().stream()
                        .map(PgView::id)
                        .filter(id -> id > 0)
                        .filter(this::isRecoverable)
                        .toList();
        assertThat(recovered).contains(group.id());
        for (int id : recovered) {
            RecoveryView done =
                    cluster.admin(survivor).recover(id, new RecoverRequest(Optional.empty(), true));
            assertThat(done.underWay()).as("%s", done).isFalse();
        }
        return recovered;
    }

    private boolean isRecoverable(int id) {
        return cluster.admin(survivor).recovery(id, Optional.empty()).refusal().isEmpty();
    }

    private void requireRefused(ErrorCode code, int pg, RecoverRequest request) {
        assertThatThrownBy(() -> cluster.admin(survivor).recover(pg, request))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> {
                            assertThat(e.code()).as("%s", e).isEqualTo(code);
                            assertThat(e.remedy()).isNotEmpty();
                        });
    }

    private void awaitHealthy() {
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(200))
                .ignoreExceptions()
                .untilAsserted(
                        () -> {
                            StatusView status = cluster.admin(survivor).status();
                            assertThat(status.nodes())
                                    .allMatch(n -> n.state() == NodeSummary.State.UP);
                            assertThat(cluster.admin(survivor).placementGroups())
                                    .allMatch(pg -> pg.state() == PgView.Condition.HEALTHY)
                                    .allMatch(pg -> pg.move().isEmpty())
                                    .allMatch(
                                            pg ->
                                                    pg.members().stream()
                                                            .noneMatch(
                                                                    m ->
                                                                            m.role()
                                                                                    .equals(
                                                                                            "LISTENER")));
                        });
    }

    private void requireEqual(int pg) {
        VerificationOrder order = cluster.admin(survivor).verify(pg);
        VerificationView view =
                await().atMost(SOON)
                        .pollInterval(Duration.ofMillis(50))
                        .until(
                                () -> cluster.admin(survivor).verification(order),
                                VerificationView::settled);
        assertThat(view.verdict()).as("%s", view).isEqualTo(VerificationView.Verdict.EQUAL);
        assertThat(view.replicas()).hasSize(3);
    }

    @Test
    void groupThatLostTwoDisksGoesOnAndIsMadeWhole() throws Exception {
        requireRefused(ErrorCode.CONFLICT, group.id(), new RecoverRequest(Optional.empty(), true));
        loseTheOthers();
        for (int index : lost) {
            deleteAll(cluster.config(index).dataDirs().get(0));
        }
        requireRefused(
                ErrorCode.INVALID_ARGUMENT,
                group.id(),
                new RecoverRequest(Optional.empty(), false));
        requireRefused(
                ErrorCode.NOT_ENOUGH_NODES,
                group.id(),
                new RecoverRequest(Optional.of(cluster.name(lost.get(0))), true));
        requireRefused(
                ErrorCode.NO_SUCH_NODE,
                group.id(),
                new RecoverRequest(Optional.of("nobody"), true));
        RecoveryView view = cluster.admin(survivor).recovery(group.id(), Optional.empty());
        assertThat(view.survivor()).contains(cluster.name(survivor));
        assertThat(view.volumes()).containsExactly("vm1");
        assertThat(view.replicas()).hasSize(3);

        List<Integer> recovered = recoverWhatIsLost();

        assertThat(now().raftGroupId()).isNotEqualTo(group.raftGroupId());
        assertThat(now().recovery().orElseThrow().survivor()).isEqualTo(cluster.name(survivor));
        assertThat(cluster.admin(survivor).status().reasons())
                .anyMatch(reason -> reason.code().equals("PG_RECOVERED"));
        attachAnew();
        requireContents(1);
        writeAll(2);
        requireContents(2);
        requireSnapshot("one", 1);

        for (int index : lost) {
            cluster.start(index);
            cluster.admin(survivor)
                    .addNode(new AddNodeRequest(cluster.httpAddresses().get(index), true));
        }
        awaitHealthy();
        recovered.forEach(this::requireEqual);
        writeAll(3);
        cluster.stop(survivor);
        requireContents(3);
        requireSnapshot("one", 1);
        cluster.start(survivor);
        awaitHealthy();
        assertThat(cluster.admin(survivor).status().reasons())
                .anyMatch(reason -> reason.code().equals("PG_RECOVERED"));
    }

    @Test
    void oldMembersThatComeBackNeitherServeNorDisturb() throws Exception {
        // What only the two had is what the recovery loses.
        cluster.stop(survivor);
        writeAll(2);
        take("two");
        take("three");
        lost.forEach(cluster::stop);
        cluster.start(survivor);
        awaitRecoverable();
        List<Integer> recovered = recoverWhatIsLost();
        attachAnew();
        requireContents(1, 2);
        // The survivor knew of one snapshot, and is told of the others.
        requireSnapshot("one", 1);
        requireSnapshot("two", 1, 2);
        requireSnapshot("three", 1, 2);
        writeAll(3);
        take("four");
        requireSnapshot("two", 1, 2);
        requireSnapshot("four", 3);

        // A majority of what the group was, with the map of before.
        for (int index : lost) {
            cluster.start(index);
        }
        requireContents(3);
        writeAll(4);
        requireContents(4);
        awaitHealthy();
        requireContents(4);
        recovered.forEach(this::requireEqual);
        for (int id : recovered) {
            assertThat(now(id).recovery().orElseThrow().leftOn()).hasSize(3);
        }

        // They are restarted as they are: as before, none serves what it was.
        for (int index : lost) {
            cluster.stop(index);
        }
        for (int index : lost) {
            cluster.start(index);
        }
        requireContents(4);
        for (int id : recovered) {
            cluster.admin(survivor).discardReplaced(id);
        }
        await().atMost(SOON)
                .ignoreExceptions()
                .untilAsserted(
                        () -> {
                            for (int id : recovered) {
                                assertThat(now(id).recovery().orElseThrow().leftOn()).isEmpty();
                            }
                        });
        awaitHealthy();
        cluster.stop(survivor);
        requireContents(4);
        requireSnapshot("one", 1);
        requireSnapshot("four", 3);
        cluster.start(survivor);
        awaitHealthy();
        requireContents(4);
        recovered.forEach(this::requireEqual);
        assertThat(cluster.admin(survivor).status().reasons())
                .noneMatch(reason -> reason.code().equals("PG_RECOVERED"));
    }

    private void awaitRecoverable() {
        await().atMost(SOON).ignoreExceptions().until(() -> isRecoverable(group.id()));
    }

    private static void deleteAll(Path dir) throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
