package io.mirach.server.metadata;

import static io.mirach.server.metadata.MetaFixtures.admitted;
import static io.mirach.server.metadata.MetaFixtures.attach;
import static io.mirach.server.metadata.MetaFixtures.create;
import static io.mirach.server.metadata.MetaFixtures.form;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Sealing;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SnapshotChangesTest {
    private static final VolumeId ID = new VolumeId(1);
    private static final LayerId FIRST = new LayerId(1);
    private static final LayerId SECOND = new LayerId(2);
    private static final long SNAPSHOT = 1;

    private MetaState state =
            MetaFixtures.after(form(), create("vm1"), new MetaCommand.VolumeOpened(ID));

    private MetaReply apply(MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        if (transition.reply().code() != ErrorCode.OK) {
            assertThat(transition.next()).as("a refusal changes nothing").isEqualTo(state);
        }
        state = transition.next();
        return transition.reply();
    }

    private Volume volume() {
        return state.image().orElseThrow().volumes().get(ID);
    }

    private static MetaCommand take(String name) {
        return new MetaCommand.CreateSnapshot(ID, name, 5000);
    }

    private void attachShared(String gateway) {
        apply(
                        new MetaCommand.Attach(
                                ID,
                                Attachment.Mode.SHARED,
                                gateway,
                                "host",
                                "proof",
                                false,
                                0,
                                List.of(),
                                0))
                .orThrow();
    }

    private void admitAll() {
        apply(admitted(1, state.image().orElseThrow().accessTo(ID).admissionVersion())).orThrow();
    }

    @Test
    void withOneWriterTheNewHeadIsOpenAtOnce() {
        apply(attach(1, "gw", "proof"));
        admitAll();
        assertThat(apply(take("one")).id()).isEqualTo(SNAPSHOT);
        assertThat(volume().head()).isEqualTo(SECOND);
        assertThat(volume().sealing()).contains(new Sealing(SNAPSHOT, FIRST, SECOND));
        assertThat(volume().snapshots())
                .containsExactly(
                        new Snapshot(
                                SNAPSHOT, "one", FIRST, 1 << 30, Snapshot.State.SEALING, 5000));
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        assertThat(volume().sealing()).isEmpty();
        assertThat(volume().head()).isEqualTo(SECOND);
        assertThat(volume().snapshotNamed("one").orElseThrow().state())
                .isEqualTo(Snapshot.State.READY);
        MetaState before = state;
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        apply(new MetaCommand.AbortSnapshot(ID, SNAPSHOT)).orThrow();
        assertThat(state).as("late ones change nothing").isEqualTo(before);
    }

    @Test
    void withSeveralWritersTheNewHeadOpensOnceAllHaveSealed() {
        attachShared("gw1");
        attachShared("gw2");
        admitAll();
        apply(take("one")).orThrow();
        assertThat(volume().head()).isEqualTo(FIRST);
        assertThat(volume().seals()).as("nobody is told of it").isEmpty();
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        assertThat(volume().head()).isEqualTo(SECOND);
        assertThat(volume().seals()).containsExactly(new Sealing(SNAPSHOT, FIRST, SECOND));
        assertThat(volume().snapshotNamed("one").orElseThrow().state())
                .isEqualTo(Snapshot.State.READY);
    }

    @Test
    void oneThatWasRevokedCountsUntilTheGroupsHaveHeardOfIt() {
        apply(attach(1, "gw1", "proof"));
        admitAll();
        apply(
                new MetaCommand.Attach(
                        ID,
                        Attachment.Mode.READ_WRITE,
                        "gw2",
                        "host",
                        "proof",
                        true,
                        0,
                        List.of(),
                        0));
        apply(take("one")).orThrow();
        assertThat(volume().head()).isEqualTo(FIRST);
    }

    @Test
    void aMigrationHasTwoWriters() {
        apply(attach(1, "gw1", "proof"));
        admitAll();
        apply(
                new MetaCommand.Attach(
                        ID,
                        Attachment.Mode.READ_WRITE,
                        "gw2",
                        "host",
                        "proof",
                        false,
                        1000,
                        List.of(),
                        0));
        apply(take("one")).orThrow();
        assertThat(volume().head()).isEqualTo(FIRST);
    }

    @Test
    void aSecondWriterWaitsForASnapshotWhoseHeadIsOpen() {
        attachShared("gw1");
        admitAll();
        apply(take("one")).orThrow();
        MetaCommand second =
                new MetaCommand.Attach(
                        ID, Attachment.Mode.SHARED, "gw2", "host", "proof", false, 0, List.of(), 0);
        assertThat(apply(second).code()).isEqualTo(ErrorCode.VOLUME_NOT_READY);
        MetaCommand reader =
                new MetaCommand.Attach(
                        ID,
                        Attachment.Mode.READ_ONLY,
                        "gw3",
                        "host",
                        "proof",
                        false,
                        0,
                        List.of(),
                        0);
        assertThat(apply(reader).code()).isEqualTo(ErrorCode.OK);
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        assertThat(apply(second).code()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void whoTakesOverFromAnotherWaitsForNoSnapshot() {
        apply(attach(1, "gw", "proof"));
        admitAll();
        apply(take("one")).orThrow();
        assertThat(apply(attach(1, "gw", "proof")).code()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void aSnapshotThatIsGivenUpLeavesItsLayerAndItsName() {
        attachShared("gw1");
        attachShared("gw2");
        admitAll();
        apply(take("one")).orThrow();
        apply(new MetaCommand.AbortSnapshot(ID, SNAPSHOT)).orThrow();
        assertThat(volume().head()).as("writers go on").isEqualTo(SECOND);
        assertThat(volume().snapshotNamed("one")).isEmpty();
        assertThat(volume().sealing()).contains(new Sealing(SNAPSHOT, FIRST, SECOND));
        assertThat(apply(take("one")).code()).isEqualTo(ErrorCode.SNAPSHOT_NOT_READY);
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        assertThat(volume().sealing()).isEmpty();
        assertThat(volume().snapshotNamed("one")).as("it does not come back").isEmpty();
        apply(take("one")).orThrow();
        apply(new MetaCommand.LayerSealed(ID, 2)).orThrow();
        assertThat(volume().seals())
                .containsExactly(
                        new Sealing(1, FIRST, SECOND), new Sealing(2, SECOND, new LayerId(3)));
        assertThat(volume().firstLayer()).isEqualTo(FIRST);
    }

    @Test
    void oneAtATimeAndNamesOnce() {
        apply(take("one")).orThrow();
        assertThat(apply(take("two")).code()).isEqualTo(ErrorCode.SNAPSHOT_NOT_READY);
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        assertThat(apply(take("one")).code()).isEqualTo(ErrorCode.SNAPSHOT_EXISTS);
        assertThat(apply(take("One")).code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(apply(new MetaCommand.CreateSnapshot(new VolumeId(9), "one", 0)).code())
                .isEqualTo(ErrorCode.NO_SUCH_VOLUME);
        assertThat(apply(take("two")).code()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void thereAreOnlySoMany() {
        for (int i = 1; i <= Snapshot.MAX_PER_VOLUME; i++) {
            long id = apply(take("s" + i)).orThrow().id();
            apply(new MetaCommand.LayerSealed(ID, id)).orThrow();
        }
        assertThat(apply(take("more")).code()).isEqualTo(ErrorCode.TOO_MANY_SNAPSHOTS);
    }

    @Test
    void aVolumeThatHasSnapshotsIsDeletedOnlyWithThem() {
        apply(take("one")).orThrow();
        assertThat(apply(new MetaCommand.DeleteVolume(ID)).code())
                .isEqualTo(ErrorCode.HAS_SNAPSHOTS);
        apply(new MetaCommand.DeleteVolumeAndSnapshots(ID)).orThrow();
        assertThat(volume().state()).isEqualTo(Volume.State.DELETING);
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        apply(new MetaCommand.VolumeDropped(ID)).orThrow();
        assertThat(state.image().orElseThrow().volumes()).isEmpty();
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
    }

    @Test
    void layersOfAGivenUpSnapshotDoNotKeepAVolume() {
        apply(take("one")).orThrow();
        apply(new MetaCommand.AbortSnapshot(ID, SNAPSHOT)).orThrow();
        assertThat(apply(new MetaCommand.DeleteVolume(ID)).code()).isEqualTo(ErrorCode.OK);
    }

    @Test
    void aVolumeWhoseGroupIsRecoveredKeepsItsSnapshots() {
        apply(take("one")).orThrow();
        apply(new MetaCommand.ActivateGroup(new PlacementGroupId(1))).orThrow();
        apply(
                        new MetaCommand.RecoverGroup(
                                new PlacementGroupId(1),
                                new UUID(3, 1),
                                1,
                                form().placementGroups().get(0).replicas().get(0),
                                new UUID(4, 1),
                                0,
                                0,
                                0))
                .orThrow();
        assertThat(volume().state()).isEqualTo(Volume.State.CREATING);
        assertThat(apply(take("two")).code()).isEqualTo(ErrorCode.VOLUME_NOT_READY);
        apply(new MetaCommand.VolumeOpened(ID)).orThrow();
        apply(new MetaCommand.LayerSealed(ID, SNAPSHOT)).orThrow();
        assertThat(volume().snapshotNamed("one").orElseThrow().state())
                .isEqualTo(Snapshot.State.READY);
    }

    @Test
    void aVolumeWrittenBeforeThereWereSnapshotsHasNone() throws Exception {
        var json = Json.mapper().valueToTree(volume());
        ((com.fasterxml.jackson.databind.node.ObjectNode) json)
                .remove(List.of("snapshots", "sealing"));
        assertThat(Json.mapper().treeToValue(json, Volume.class)).isEqualTo(volume());
        apply(take("one")).orThrow();
        assertThat(Json.mapper().treeToValue(Json.mapper().valueToTree(volume()), Volume.class))
                .isEqualTo(volume());
        assertThat(volume().sealing()).isNotEqualTo(Optional.empty());
    }
}
