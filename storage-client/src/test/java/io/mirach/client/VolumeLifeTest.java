package io.mirach.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.ReplicaSet;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class VolumeLifeTest {
    private static final VolumeId ID = new VolumeId(1);
    private static final Snapshot MONDAY =
            new Snapshot(1, "monday", new LayerId(1), 1 << 20, Snapshot.State.READY, 0);
    private static final Volume BEFORE =
            new Volume(
                    ID,
                    "vm1",
                    1 << 30,
                    Volume.DEFAULT_EXTENT_BYTES,
                    Collections.nCopies(64, new PlacementGroupId(1)),
                    new LayerId(1),
                    Volume.State.AVAILABLE,
                    0);
    private static final Volume AFTER =
            BEFORE.with(new LayerId(2), List.of(MONDAY), Optional.empty());

    private static ClusterImage image(long version, Volume... volumes) {
        return new ClusterImage(
                version,
                new UUID(0, 1),
                new UUID(0, 2),
                new ReplicaSet(0, List.of()),
                Map.of(),
                Map.of(),
                volumes.length == 0 ? Map.of() : Map.of(ID, volumes[0]),
                Map.of(),
                Map.of());
    }

    private static AttachmentLife attached(Volume volume, long mapVersion) {
        return new AttachmentLife(
                new Attachment(
                        ID,
                        new Epoch(5),
                        Attachment.Mode.READ_WRITE,
                        "gw",
                        "host",
                        "proof",
                        Attachment.State.LIVE,
                        0,
                        ""),
                volume,
                mapVersion);
    }

    @Test
    void aHeadThatWasKnownOnceIsNotForgottenForAnOlderMap() {
        AttachmentLife life = attached(BEFORE, 10);
        life.observe(image(12, AFTER));
        assertThat(life.layer()).isEqualTo(new LayerId(2));
        life.observe(image(11, BEFORE));
        life.observe(image(9, BEFORE));
        assertThat(life.layer()).isEqualTo(new LayerId(2));
        life.observe(image(13));
        life.observe(image(12, BEFORE));
        assertThat(life.layer()).as("nor for one that names no volume").isEqualTo(new LayerId(2));
    }

    @Test
    void whoWaitsForANewHeadIsToldOnce() {
        AttachmentLife life = attached(BEFORE, 10);
        CompletableFuture<Void> changed = life.changed();
        life.observe(image(11, BEFORE));
        assertThat(changed).isNotDone();
        life.observe(image(12, AFTER));
        assertThat(changed).isDone();
        assertThat(life.changed()).isNotDone();
    }

    @Test
    void aSnapshotKeepsItsLayerWhateverTheHead() {
        SnapshotLife life = new SnapshotLife(AFTER, MONDAY, 12);
        life.observe(image(13, AFTER.with(new LayerId(7), List.of(MONDAY), Optional.empty())));
        assertThat(life.layer()).isEqualTo(new LayerId(1));
        assertThat(life.sizeBytes()).isEqualTo(1 << 20);
        assertThat(life.readOnly()).isTrue();
        assertThat(life.epoch()).isEmpty();
        assertThat(life.refusal()).isEmpty();
    }

    @Test
    void aSnapshotEndsOnceTheMapHasItNoMore() {
        SnapshotLife deleted = new SnapshotLife(AFTER, MONDAY, 12);
        deleted.observe(image(11, BEFORE));
        assertThat(deleted.endedBy()).as("an older map").isEmpty();
        deleted.observe(image(13, AFTER.with(AFTER.head(), List.of(), Optional.empty())));
        assertThat(deleted.endedBy().orElseThrow().code()).isEqualTo(ErrorCode.NO_SUCH_SNAPSHOT);
        assertThat(deleted.closed()).isCompletedExceptionally();

        SnapshotLife volumeGone = new SnapshotLife(AFTER, MONDAY, 12);
        volumeGone.observe(image(13, AFTER.inState(Volume.State.DELETING)));
        assertThat(volumeGone.endedBy().orElseThrow().code()).isEqualTo(ErrorCode.NO_SUCH_SNAPSHOT);
    }

    @Test
    void aSnapshotThatItsReaderClosedTellsNothingMore() {
        SnapshotLife life = new SnapshotLife(AFTER, MONDAY, 12);
        life.ended();
        assertThat(life.closed()).isCompleted();
        life.observe(image(13));
        assertThat(life.endedBy().orElseThrow().code()).isEqualTo(ErrorCode.NOT_ATTACHED);
    }
}
