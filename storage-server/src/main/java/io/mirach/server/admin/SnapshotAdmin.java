package io.mirach.server.admin;

import io.mirach.admin.CreateSnapshotRequest;
import io.mirach.admin.SnapshotView;
import io.mirach.model.ClusterImage;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.cluster.ClusterService;
import io.mirach.server.metadata.MetaCommand;
import java.time.Clock;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The admin API's part about snapshots, on the meta leader. Blocks. Thread-safe. */
final class SnapshotAdmin {
    private final ClusterAdmin cluster;
    private final Clock clock;

    SnapshotAdmin(ClusterAdmin cluster, Clock clock) {
        this.cluster = cluster;
        this.clock = clock;
    }

    List<SnapshotView> all() {
        return cluster.readyImage().volumes().values().stream()
                .filter(volume -> volume.state() != Volume.State.DELETING)
                .sorted(Comparator.comparing(Volume::name))
                .flatMap(SnapshotAdmin::views)
                .toList();
    }

    List<SnapshotView> of(String volume) {
        return views(ClusterService.requireVolume(cluster.readyImage(), volume)).toList();
    }

    SnapshotView one(SnapshotName name) {
        Volume volume = ClusterService.requireVolume(cluster.readyImage(), name.volume());
        return volume.snapshotNamed(name.name())
                .map(snapshot -> view(volume, snapshot))
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.NO_SUCH_SNAPSHOT,
                                                "there is no snapshot '" + name + "'")
                                        .withRemedy("mirach snapshot ls " + name.volume()));
    }

    private static Stream<SnapshotView> views(Volume volume) {
        return volume.snapshots().stream()
                .filter(Snapshot::visible)
                .map(snapshot -> view(volume, snapshot));
    }

    private static SnapshotView view(Volume volume, Snapshot snapshot) {
        return new SnapshotView(
                volume.name(),
                snapshot.name(),
                snapshot.id(),
                snapshot.sizeBytes(),
                snapshot.state(),
                snapshot.createdAtMs());
    }

    /** Returns once it can be read; if that takes long, the answer says SEALING. */
    SnapshotView create(String volumeName, CreateSnapshotRequest request) {
        VolumeId id = ClusterService.requireVolume(cluster.readyImage(), volumeName).id();
        long snapshot =
                cluster.change(new MetaCommand.CreateSnapshot(id, request.name(), clock.millis()))
                        .id();
        ClusterImage image = cluster.settled(current -> !isBeingTaken(current, id, snapshot));
        Volume volume =
                Optional.ofNullable(image.volumes().get(id))
                        .filter(v -> v.state() != Volume.State.DELETING)
                        .orElseThrow(
                                () ->
                                        new MirachException(
                                                ErrorCode.NO_SUCH_VOLUME,
                                                "volume "
                                                        + volumeName
                                                        + " was deleted while its snapshot was"
                                                        + " being taken"));
        return volume.snapshot(snapshot)
                .filter(Snapshot::visible)
                .map(s -> view(volume, s))
                .orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.SNAPSHOT_ABORTED,
                                                "not all placement groups of volume "
                                                        + volumeName
                                                        + " answered in time: there is no snapshot"
                                                        + " '"
                                                        + request.name()
                                                        + "'")
                                        .withRemedy(
                                                "see 'mirach status', and repeat the command when"
                                                        + " all placement groups are healthy"));
    }

    private static boolean isBeingTaken(ClusterImage image, VolumeId id, long snapshot) {
        return Optional.ofNullable(image.volumes().get(id))
                .flatMap(volume -> volume.snapshot(snapshot))
                .filter(s -> s.state() == Snapshot.State.SEALING)
                .isPresent();
    }
}
