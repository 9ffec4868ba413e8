package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import io.mirach.model.IoLimits;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Snapshot;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Changes of volumes. Pure. */
final class VolumeChanges {
    private VolumeChanges() {}

    static MetaTransition create(
            MetaState state, ClusterImage image, MetaCommand.CreateVolume command) {
        if (image.volumeNamed(command.name()).isPresent()) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_EXISTS,
                    "there is a volume '" + command.name() + "' already");
        }
        for (PlacementGroupId group : command.slots()) {
            if (!image.placementGroups().containsKey(group)) {
                return MetaTransition.refuse(
                        state, ErrorCode.NO_SUCH_PLACEMENT_GROUP, "there is no " + group);
            }
        }
        MetaState.Counters counters = state.counters();
        Volume volume;
        try {
            volume =
                    new Volume(
                            new VolumeId(counters.nextVolume()),
                            command.name(),
                            command.sizeBytes(),
                            command.extentBytes(),
                            command.slots(),
                            new LayerId(counters.nextLayer()),
                            Volume.State.CREATING,
                            command.createdAtMs(),
                            command.strictReads(),
                            List.of(),
                            Optional.empty(),
                            IoLimits.NONE);
        } catch (IllegalArgumentException e) {
            return MetaTransition.refuse(state, ErrorCode.INVALID_ARGUMENT, e.getMessage());
        }
        return MetaTransition.to(
                ImageEdit.put(image, volume), counters.afterVolume(), volume.id().value());
    }

    static MetaTransition setStrictReads(
            MetaState state, ClusterImage image, MetaCommand.SetStrictReads command) {
        return change(
                state, image, command.volume(), v -> v.withStrictReads(command.strictReads()));
    }

    static MetaTransition setIoLimits(
            MetaState state, ClusterImage image, MetaCommand.SetIoLimits command) {
        return change(
                state,
                image,
                command.volume(),
                v -> v.withLimits(command.change().applyTo(v.limits())));
    }

    private static MetaTransition change(
            MetaState state, ClusterImage image, VolumeId id, UnaryOperator<Volume> setting) {
        Volume volume = image.volumes().get(id);
        if (volume == null || volume.state() == Volume.State.DELETING) {
            return noSuchVolume(state, id);
        }
        Volume changed = setting.apply(volume);
        return changed.equals(volume)
                ? MetaTransition.unchanged(state)
                : MetaTransition.to(state, ImageEdit.put(image, changed));
    }

    static MetaTransition opened(MetaState state, ClusterImage image, VolumeId id) {
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            return noSuchVolume(state, id);
        }
        return volume.state() == Volume.State.CREATING
                ? MetaTransition.to(
                        state, ImageEdit.put(image, volume.inState(Volume.State.AVAILABLE)))
                : MetaTransition.unchanged(state);
    }

    /**
     * @param withSnapshots also if it has some
     */
    static MetaTransition delete(
            MetaState state, ClusterImage image, VolumeId id, boolean withSnapshots) {
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            return noSuchVolume(state, id);
        }
        if (volume.state() == Volume.State.DELETING) {
            return MetaTransition.unchanged(state);
        }
        VolumeAccess access = image.accessTo(id);
        if (!access.attachments().isEmpty()) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    "volume "
                            + volume.name()
                            + " is "
                            + AttachmentChanges.holders(access.attachments()),
                    "mirach detach " + volume.name());
        }
        if (!access.exports().isEmpty()) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    ExportChanges.ordered(access.exports().get(0), volume),
                    "mirach detach " + volume.name());
        }
        long snapshots = volume.snapshots().stream().filter(Snapshot::visible).count();
        if (snapshots > 0 && !withSnapshots) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.HAS_SNAPSHOTS,
                    "volume "
                            + volume.name()
                            + " has "
                            + (snapshots == 1 ? "a snapshot" : snapshots + " snapshots"),
                    "to delete them too: mirach volume rm " + volume.name() + " --with-snapshots");
        }
        return MetaTransition.to(
                state, ImageEdit.put(image, volume.inState(Volume.State.DELETING)));
    }

    static MetaTransition dropped(MetaState state, ClusterImage image, VolumeId id) {
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            return MetaTransition.unchanged(state);
        }
        return volume.state() == Volume.State.DELETING
                ? MetaTransition.to(state, ImageEdit.removeVolume(image, id))
                : MetaTransition.refuse(
                        state,
                        ErrorCode.CONFLICT,
                        "volume " + volume.name() + " is not being deleted");
    }

    static MetaTransition noSuchVolume(MetaState state, VolumeId id) {
        return MetaTransition.refuse(
                state, ErrorCode.NO_SUCH_VOLUME, "there is no volume " + id + " any longer");
    }
}
