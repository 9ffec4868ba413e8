package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Export;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;

/** Changes of volumes and their exports. Pure. */
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
                            command.createdAtMs());
        } catch (IllegalArgumentException e) {
            return MetaTransition.refuse(state, ErrorCode.INVALID_ARGUMENT, e.getMessage());
        }
        return MetaTransition.to(
                ImageEdit.put(image, volume),
                new MetaState.Counters(
                        counters.nextVolume() + 1, counters.nextLayer() + 1, counters.nextEpoch()),
                volume.id().value());
    }

    static MetaTransition opened(MetaState state, ClusterImage image, VolumeId id) {
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            return noSuchVolume(state, id);
        }
        return volume.state() == Volume.State.CREATING
                ? MetaTransition.to(
                        state, ImageEdit.put(image, inState(volume, Volume.State.AVAILABLE)))
                : MetaTransition.unchanged(state);
    }

    static MetaTransition delete(MetaState state, ClusterImage image, VolumeId id) {
        Volume volume = image.volumes().get(id);
        if (volume == null) {
            return noSuchVolume(state, id);
        }
        if (volume.state() == Volume.State.DELETING) {
            return MetaTransition.unchanged(state);
        }
        Attachment attachment = image.attachments().get(id);
        if (attachment != null) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    "volume " + volume.name() + " is " + holder(attachment),
                    "mirach detach " + volume.name());
        }
        Export export = image.exports().get(id);
        if (export != null) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    "gateway " + export.gateway() + " has the order to offer " + volume.name(),
                    "mirach detach " + volume.name());
        }
        return MetaTransition.to(
                state, ImageEdit.put(image, inState(volume, Volume.State.DELETING)));
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

    static MetaTransition export(MetaState state, ClusterImage image, Export export) {
        Volume volume = image.volumes().get(export.volume());
        if (volume == null || volume.state() == Volume.State.DELETING) {
            return noSuchVolume(state, export.volume());
        }
        if (!image.gateways().containsKey(export.gateway())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.NO_SUCH_GATEWAY,
                    "no gateway is named '" + export.gateway() + "'",
                    "mirach gateway ls");
        }
        Export known = image.exports().get(export.volume());
        if (export.equals(known)) {
            return MetaTransition.unchanged(state);
        }
        Attachment attachment = image.attachments().get(export.volume());
        if (attachment != null && !attachment.gateway().equals(export.gateway())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    "volume " + volume.name() + " is " + holder(attachment),
                    "mirach detach " + volume.name());
        }
        if (known != null && !known.gateway().equals(export.gateway())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    "gateway " + known.gateway() + " has the order to offer " + volume.name(),
                    "mirach detach " + volume.name());
        }
        return MetaTransition.to(state, ImageEdit.put(image, export));
    }

    static MetaTransition removeExport(MetaState state, ClusterImage image, VolumeId id) {
        return image.exports().containsKey(id)
                ? MetaTransition.to(state, ImageEdit.removeExport(image, id))
                : MetaTransition.unchanged(state);
    }

    static String holder(Attachment attachment) {
        return "attached at gateway " + attachment.gateway() + " on " + attachment.host();
    }

    static MetaTransition noSuchVolume(MetaState state, VolumeId id) {
        return MetaTransition.refuse(
                state, ErrorCode.NO_SUCH_VOLUME, "there is no volume " + id + " any longer");
    }

    private static Volume inState(Volume volume, Volume.State next) {
        return new Volume(
                volume.id(),
                volume.name(),
                volume.sizeBytes(),
                volume.extentBytes(),
                volume.slots(),
                volume.head(),
                next,
                volume.createdAtMs());
    }
}
