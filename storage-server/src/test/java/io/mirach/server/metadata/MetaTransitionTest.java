package io.mirach.server.metadata;

import static io.mirach.server.metadata.MetaFixtures.admitted;
import static io.mirach.server.metadata.MetaFixtures.after;
import static io.mirach.server.metadata.MetaFixtures.attach;
import static io.mirach.server.metadata.MetaFixtures.create;
import static io.mirach.server.metadata.MetaFixtures.form;
import static io.mirach.server.metadata.MetaFixtures.release;
import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Export;
import io.mirach.model.IoLimits;
import io.mirach.model.IoLimitsChange;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class MetaTransitionTest {
    private static final VolumeId VOLUME = new VolumeId(1);

    private static ErrorCode refusal(MetaState state, MetaCommand command) {
        MetaTransition transition = MetaTransition.apply(state, command);
        assertThat(transition.next()).as("a refusal changes nothing").isEqualTo(state);
        return transition.reply().code();
    }

    private static ClusterImage image(MetaState state) {
        return state.image().orElseThrow();
    }

    private static MetaState withLiveAttachment() {
        return after(
                form(),
                create("vm1"),
                new MetaCommand.VolumeOpened(VOLUME),
                attach(1, "gw1", "proof1"),
                admitted(1, 1));
    }

    @Test
    void beforeTheClusterIsFormedEverythingElseIsRefused() {
        assertThat(refusal(MetaState.EMPTY, create("vm1"))).isEqualTo(ErrorCode.NOT_INITIALISED);
    }

    @Test
    void formingAgainIsNoChangeAndAnotherClusterIsRefused() {
        MetaState formed = after(form());
        assertThat(image(formed).version()).isEqualTo(1);
        assertThat(MetaTransition.apply(formed, form()).next()).isEqualTo(formed);
        MetaCommand.FormCluster other =
                new MetaCommand.FormCluster(
                        new UUID(9, 9),
                        form().metaGroupId(),
                        form().metaReplicas(),
                        form().nodes(),
                        form().placementGroups());
        assertThat(refusal(formed, other)).isEqualTo(ErrorCode.ALREADY_INITIALISED);
    }

    @Test
    void aGroupIsActivatedOnce() {
        MetaCommand activate = new MetaCommand.ActivateGroup(new PlacementGroupId(2));
        MetaState once = after(form(), activate);
        assertThat(image(once).placementGroups().get(new PlacementGroupId(2)).state())
                .isEqualTo(PlacementGroup.State.ACTIVE);
        assertThat(MetaTransition.apply(once, activate).next()).isEqualTo(once);
        assertThat(refusal(once, new MetaCommand.ActivateGroup(new PlacementGroupId(9))))
                .isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
    }

    @Test
    void aNodeMayMoveButNotChangeItsDataDirs() {
        MetaState formed = after(form());
        StorageNode old = MetaFixtures.node(1);
        StorageNode moved =
                new StorageNode(
                        old.name(),
                        old.dataDirs(),
                        "10.0.0.1:1",
                        old.httpAddress(),
                        "zone",
                        "other-rack",
                        Map.of("a", "b"));
        MetaState after = MetaTransition.apply(formed, new MetaCommand.UpdateNode(moved)).next();
        assertThat(image(after).nodes().get("node-1")).isEqualTo(moved);
        assertThat(image(after).version()).isEqualTo(2);
        StorageNode otherDirs =
                new StorageNode(
                        old.name(),
                        MetaFixtures.node(2).dataDirs(),
                        old.nativeAddress(),
                        old.httpAddress(),
                        "",
                        "",
                        Map.of());
        assertThat(refusal(formed, new MetaCommand.UpdateNode(otherDirs)))
                .isEqualTo(ErrorCode.CONFLICT);
        assertThat(refusal(formed, new MetaCommand.UpdateNode(MetaFixtures.node(7))))
                .isEqualTo(ErrorCode.NO_SUCH_NODE);
    }

    @Test
    void idsAreDrawnFromTheStateAndNeverUsedAgain() {
        MetaState state = after(form(), create("a"), create("b"));
        assertThat(image(state).volumeNamed("a").orElseThrow().id()).isEqualTo(VOLUME);
        assertThat(image(state).volumeNamed("b").orElseThrow().id()).isEqualTo(new VolumeId(2));
        MetaState gone =
                MetaTransition.apply(
                                MetaTransition.apply(
                                                state,
                                                new MetaCommand.DeleteVolume(new VolumeId(2)))
                                        .next(),
                                new MetaCommand.VolumeDropped(new VolumeId(2)))
                        .next();
        MetaTransition again = MetaTransition.apply(gone, create("b"));
        assertThat(again.reply().id()).isEqualTo(3);
        assertThat(image(again.next()).volumes().get(new VolumeId(3)).head().value()).isEqualTo(3);
    }

    @Test
    void strictReadsCanBeTurnedOnAndOff() {
        MetaState created = after(form(), create("a"));
        assertThat(image(created).volumes().get(VOLUME).strictReads()).isFalse();
        MetaCommand on = new MetaCommand.SetStrictReads(VOLUME, true);
        MetaState strict = next(created, on);
        assertThat(image(strict).volumes().get(VOLUME).strictReads()).isTrue();
        assertThat(image(next(strict, on)).version()).isEqualTo(image(strict).version());
        MetaState opened = next(strict, new MetaCommand.VolumeOpened(VOLUME));
        assertThat(image(opened).volumes().get(VOLUME).strictReads()).isTrue();
        MetaState off = next(opened, new MetaCommand.SetStrictReads(VOLUME, false));
        assertThat(image(off).volumes().get(VOLUME).strictReads()).isFalse();
        assertThat(refusal(next(off, new MetaCommand.DeleteVolume(VOLUME)), on))
                .isEqualTo(ErrorCode.NO_SUCH_VOLUME);
    }

    @Test
    void limitsChangeOneByOneAndStayOtherwise() {
        MetaState created = after(form(), create("a"));
        assertThat(image(created).volumes().get(VOLUME).limits()).isEqualTo(IoLimits.NONE);
        MetaState first =
                next(created, new MetaCommand.SetIoLimits(VOLUME, change(100L, null, 1 << 20)));
        MetaState second = next(first, new MetaCommand.SetIoLimits(VOLUME, change(0L, 50L, null)));
        MetaState opened = next(second, new MetaCommand.VolumeOpened(VOLUME));
        assertThat(image(opened).volumes().get(VOLUME).limits())
                .isEqualTo(new IoLimits(0, 50, 1 << 20, 0, IoLimits.DEFAULT_BURST_MS));
        assertThat(
                        refusal(
                                created,
                                new MetaCommand.SetIoLimits(new VolumeId(9), change(1L, 1L, null))))
                .isEqualTo(ErrorCode.NO_SUCH_VOLUME);
    }

    private static IoLimitsChange change(Long readIops, Long writeIops, Integer readBytes) {
        return new IoLimitsChange(
                Optional.ofNullable(readIops),
                Optional.ofNullable(writeIops),
                Optional.ofNullable(readBytes).map(Integer::longValue),
                Optional.empty(),
                Optional.empty());
    }

    private static MetaState next(MetaState state, MetaCommand command) {
        return MetaTransition.apply(state, command).next();
    }

    @Test
    void badVolumesAreRefusedByReply() {
        MetaState formed = after(form(), create("vm1"));
        assertThat(refusal(formed, create("vm1"))).isEqualTo(ErrorCode.VOLUME_EXISTS);
        assertThat(refusal(formed, create("Not A Name"))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(
                        refusal(
                                formed,
                                new MetaCommand.CreateVolume(
                                        "x", 4097, 4 << 20, MetaFixtures.slots(), 0, false)))
                .isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(
                        refusal(
                                formed,
                                new MetaCommand.CreateVolume(
                                        "x",
                                        1 << 20,
                                        4 << 20,
                                        Collections.nCopies(64, new PlacementGroupId(99)),
                                        0,
                                        false)))
                .isEqualTo(ErrorCode.NO_SUCH_PLACEMENT_GROUP);
    }

    @Test
    void aVolumeInUseIsNotDeleted() {
        assertThat(refusal(withLiveAttachment(), new MetaCommand.DeleteVolume(VOLUME)))
                .isEqualTo(ErrorCode.VOLUME_IN_USE);
        MetaState exported =
                after(
                        form(),
                        create("vm1"),
                        new MetaCommand.AddGateway(MetaFixtures.gateway("gw1")),
                        new MetaCommand.SetExport(
                                new Export(VOLUME, "gw1", Attachment.Mode.READ_WRITE, 0),
                                false,
                                0,
                                List.of()));
        assertThat(refusal(exported, new MetaCommand.DeleteVolume(VOLUME)))
                .isEqualTo(ErrorCode.VOLUME_IN_USE);
    }

    @Test
    void aNameIsFreeOnceItsVolumeIsBeingDeleted() {
        MetaState deleting = after(form(), create("vm1"), new MetaCommand.DeleteVolume(VOLUME));
        assertThat(image(deleting).volumeNamed("vm1")).isEmpty();
        assertThat(refusal(deleting, attach(1, "gw1", "p"))).isEqualTo(ErrorCode.NO_SUCH_VOLUME);
        MetaState again = MetaTransition.apply(deleting, create("vm1")).next();
        assertThat(image(again).volumes()).hasSize(2);
        // An order that came late does not bring the old one back.
        MetaState late = MetaTransition.apply(again, new MetaCommand.VolumeOpened(VOLUME)).next();
        assertThat(image(late).volumes().get(VOLUME).state()).isEqualTo(Volume.State.DELETING);
        MetaState dropped =
                MetaTransition.apply(late, new MetaCommand.VolumeDropped(VOLUME)).next();
        assertThat(image(dropped).volumes()).containsOnlyKeys(new VolumeId(2));
        assertThat(refusal(dropped, new MetaCommand.VolumeDropped(new VolumeId(2))))
                .isEqualTo(ErrorCode.CONFLICT);
    }

    @Test
    void everyChangeMakesOneNewVersion() {
        MetaState state = MetaState.EMPTY;
        long version = 0;
        for (MetaCommand command :
                List.of(
                        form(),
                        create("vm1"),
                        new MetaCommand.VolumeOpened(VOLUME),
                        attach(1, "gw1", "p"),
                        admitted(1, 1),
                        release(1, 1),
                        admitted(1, 2),
                        new MetaCommand.DeleteVolume(VOLUME),
                        new MetaCommand.VolumeDropped(VOLUME))) {
            MetaTransition transition = MetaTransition.apply(state, command);
            version++;
            assertThat(transition.next().version()).as(command.toString()).isEqualTo(version);
            assertThat(transition.reply().mapVersion()).isEqualTo(version);
            state = transition.next();
        }
    }
}
