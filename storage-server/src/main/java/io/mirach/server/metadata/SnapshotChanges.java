package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.LayerId;
import io.mirach.model.Sealing;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Changes of snapshots. Pure. What has to hold is that the snapshot is a cut: a write that was
 * issued after another one was acknowledged is never in it without that one.
 *
 * <p>With one writer the new head is in the map at once, and placement groups seal one after the
 * other while writes flow. A writer that has written to the new head knows it, and never names the
 * old one again; so what it issues later lands in the new head also where that is not sealed yet.
 * That a later writer of the volume does not know less is the doing of the attachment, which comes
 * with a map at least as new.
 *
 * <p>With several, one might write to the new head and tell another that has not heard of it. So
 * the new head stays closed, which is to say in nobody's map as the head, until all placement
 * groups have sealed the old one.
 */
final class SnapshotChanges {
    private SnapshotChanges() {}

    static MetaTransition create(
            MetaState state, ClusterImage image, MetaCommand.CreateSnapshot command) {
        Volume volume = image.volumes().get(command.volume());
        if (volume == null || volume.state() == Volume.State.DELETING) {
            return VolumeChanges.noSuchVolume(state, command.volume());
        }
        if (volume.state() == Volume.State.CREATING) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_NOT_READY,
                    "volume " + volume.name() + " is still being created");
        }
        Optional<MetaTransition> refusal = refusal(state, volume, command.name());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        Snapshot snapshot;
        try {
            snapshot =
                    new Snapshot(
                            volume.head().value(),
                            command.name(),
                            volume.head(),
                            volume.sizeBytes(),
                            Snapshot.State.SEALING,
                            command.createdAtMs());
        } catch (IllegalArgumentException e) {
            return MetaTransition.refuse(state, ErrorCode.INVALID_ARGUMENT, e.getMessage());
        }
        MetaState.Counters counters = state.counters();
        LayerId newHead = new LayerId(counters.nextLayer());
        List<Snapshot> snapshots = new ArrayList<>(volume.snapshots());
        snapshots.add(snapshot);
        Volume sealing =
                volume.with(
                        mayWriteTogether(image.accessTo(volume.id())) ? volume.head() : newHead,
                        snapshots,
                        Optional.of(new Sealing(snapshot.id(), volume.head(), newHead)));
        return MetaTransition.to(
                ImageEdit.put(image, sealing), counters.afterLayer(), snapshot.id());
    }

    private static Optional<MetaTransition> refusal(MetaState state, Volume volume, String name) {
        if (volume.snapshotNamed(name).isPresent()) {
            return Optional.of(
                    MetaTransition.refuse(
                            state,
                            ErrorCode.SNAPSHOT_EXISTS,
                            "volume " + volume.name() + " has a snapshot '" + name + "' already"));
        }
        if (volume.sealing().isPresent()) {
            String which =
                    volume.snapshot(volume.sealing().get().snapshot())
                            .map(s -> s.visible() ? "snapshot '" + s.name() + "'" : "")
                            .filter(text -> !text.isEmpty())
                            .orElse("a snapshot that was given up");
            return Optional.of(
                    MetaTransition.refuse(
                            state,
                            ErrorCode.SNAPSHOT_NOT_READY,
                            "placement groups of volume "
                                    + volume.name()
                                    + " are still being told of "
                                    + which,
                            "repeat the command; if it stays so, a placement group does not"
                                    + " answer: see 'mirach status'"));
        }
        if (volume.snapshots().size() >= Snapshot.MAX_PER_VOLUME) {
            return Optional.of(
                    MetaTransition.refuse(
                            state,
                            ErrorCode.TOO_MANY_SNAPSHOTS,
                            "volume "
                                    + volume.name()
                                    + " has "
                                    + volume.snapshots().size()
                                    + " layers of snapshots, the most that there may be"));
        }
        return Optional.empty();
    }

    /**
     * Whether two may write at the same time, in what order somebody knows. One that was revoked
     * counts: until the placement groups have heard of it, it may still write.
     */
    private static boolean mayWriteTogether(VolumeAccess access) {
        return access.attachments().stream().filter(a -> a.mode().writes()).count() > 1;
    }

    /**
     * Why nobody more may be given the right to write now; empty if someone may. One that writes
     * already may not know the new head yet. It would have to, if another wrote beside it.
     *
     * @param after the attachments as they would be
     */
    static Optional<MetaTransition> refusalOfAnotherWriter(
            MetaState state, Volume volume, VolumeAccess after) {
        boolean cutting =
                volume.sealing()
                        .filter(s -> s.newHead().equals(volume.head()))
                        .flatMap(s -> volume.snapshot(s.snapshot()))
                        .filter(s -> s.state() == Snapshot.State.SEALING)
                        .isPresent();
        boolean together =
                after.held().map(Attachment::mode).filter(Attachment.Mode::writes).count() > 1;
        return cutting && together
                ? Optional.of(
                        MetaTransition.refuse(
                                state,
                                ErrorCode.VOLUME_NOT_READY,
                                "a snapshot of volume "
                                        + volume.name()
                                        + " is being taken; another writer has to wait for it"))
                : Optional.empty();
    }

    static MetaTransition layerSealed(
            MetaState state, ClusterImage image, MetaCommand.LayerSealed command) {
        return settle(state, image, command.volume(), command.snapshot(), true);
    }

    static MetaTransition abort(
            MetaState state, ClusterImage image, MetaCommand.AbortSnapshot command) {
        return settle(state, image, command.volume(), command.snapshot(), false);
    }

    /**
     * Opens the new head, if that is still closed. Sealed everywhere: the snapshot is what it
     * should be, unless it was given up. Else it is given up, and the seals have yet to come.
     */
    private static MetaTransition settle(
            MetaState state,
            ClusterImage image,
            VolumeId id,
            long snapshotId,
            boolean sealedEverywhere) {
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            return MetaTransition.unchanged(state);
        }
        Optional<Sealing> sealing = volume.sealing().filter(s -> s.snapshot() == snapshotId);
        boolean taking =
                volume.snapshot(snapshotId)
                        .filter(s -> s.state() == Snapshot.State.SEALING)
                        .isPresent();
        if (sealing.isEmpty() || (!sealedEverywhere && !taking)) {
            return MetaTransition.unchanged(state);
        }
        Snapshot.State next =
                sealedEverywhere && taking ? Snapshot.State.READY : Snapshot.State.DROPPED;
        List<Snapshot> snapshots =
                volume.snapshots().stream()
                        .map(s -> s.id() == snapshotId ? s.in(next) : s)
                        .toList();
        return MetaTransition.to(
                state,
                ImageEdit.put(
                        image,
                        volume.with(
                                sealing.get().newHead(),
                                snapshots,
                                sealedEverywhere ? Optional.empty() : sealing)));
    }
}
