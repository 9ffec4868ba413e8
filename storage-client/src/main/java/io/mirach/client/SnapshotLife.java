package io.mirach.client;

import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Snapshot;
import io.mirach.model.SnapshotName;
import io.mirach.model.Volume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.Optional;

/**
 * A snapshot that is being read, until its reader or the cluster gives it up. It needs no
 * attachment. Thread-safe.
 */
final class SnapshotLife extends VolumeLife {
    private final Snapshot snapshot;
    private final SnapshotName name;
    private final long openedAtVersion;

    SnapshotLife(Volume volume, Snapshot snapshot, long mapVersion) {
        super(volume, mapVersion);
        this.snapshot = snapshot;
        this.name = new SnapshotName(volume.name(), snapshot.name());
        this.openedAtVersion = mapVersion;
    }

    @Override
    String name() {
        return name.toString();
    }

    @Override
    Optional<Epoch> epoch() {
        return Optional.empty();
    }

    @Override
    LayerId layer() {
        // As of the newest map: it may get another name, the content stays.
        return volume().snapshot(snapshot.id()).orElse(snapshot).layer();
    }

    @Override
    long sizeBytes() {
        return snapshot.sizeBytes();
    }

    @Override
    boolean readOnly() {
        return true;
    }

    @Override
    boolean strictReads() {
        // It never changes: one that no longer leads answers the same.
        return false;
    }

    @Override
    MirachException endedByUser() {
        return new MirachException(ErrorCode.NOT_ATTACHED, "snapshot " + name + " was closed");
    }

    @Override
    void learn(ClusterImage image) {
        boolean gone =
                Optional.ofNullable(image.volumes().get(volume().id()))
                        .filter(volume -> volume.state() != Volume.State.DELETING)
                        .flatMap(volume -> volume.snapshot(snapshot.id()))
                        .filter(Snapshot::visible)
                        .isEmpty();
        if (gone && image.version() > openedAtVersion) {
            endExplained(
                    new MirachException(
                            ErrorCode.NO_SUCH_SNAPSHOT, "snapshot " + name + " was deleted"));
        }
    }
}
