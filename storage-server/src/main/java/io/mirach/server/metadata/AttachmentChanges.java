package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import java.util.Optional;

/**
 * Changes of attachments. Pure. An attachment that is logged as pending has revoked what was there:
 * from then on there is no way back for the revoked, whatever happens to the new one.
 */
final class AttachmentChanges {
    private static final Attachment.State LIVE = Attachment.State.LIVE;
    private static final Attachment.State RELEASING = Attachment.State.RELEASING;

    private AttachmentChanges() {}

    static MetaTransition attach(MetaState state, ClusterImage image, MetaCommand.Attach command) {
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
        Attachment holder = image.attachments().get(command.volume());
        if (holder != null && !mayTakeOver(holder, command)) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.VOLUME_IN_USE,
                    "volume " + volume.name() + " is " + VolumeChanges.holder(holder),
                    "detach it there with 'mirach detach "
                            + volume.name()
                            + "'; if that gateway is dead, 'mirach detach "
                            + volume.name()
                            + " --force'");
        }
        MetaState.Counters counters = state.counters();
        Epoch epoch = new Epoch(counters.nextEpoch());
        Attachment pending =
                new Attachment(
                        command.volume(),
                        epoch,
                        command.mode(),
                        command.gateway(),
                        command.host(),
                        command.ownerProofSha256(),
                        Attachment.State.PENDING,
                        command.grantedAtMs());
        return MetaTransition.to(
                ImageEdit.put(image, pending),
                new MetaState.Counters(
                        counters.nextVolume(), counters.nextLayer(), counters.nextEpoch() + 1),
                epoch.value());
    }

    /**
     * The same owner gets a new epoch at once. One that is being released has lost its right
     * already, so the next owner need not wait: its own admission evicts it.
     */
    private static boolean mayTakeOver(Attachment holder, MetaCommand.Attach command) {
        return command.force()
                || holder.state() == Attachment.State.RELEASING
                || holder.gateway().equals(command.gateway())
                        && holder.ownerProofSha256().equals(command.ownerProofSha256());
    }

    static MetaTransition admitted(
            MetaState state, ClusterImage image, MetaCommand.AttachmentAdmitted command) {
        return inForce(image, command.volume(), command.epoch())
                .filter(a -> a.state() == Attachment.State.PENDING)
                .map(a -> MetaTransition.to(state, ImageEdit.put(image, inState(a, LIVE))))
                .orElseGet(() -> MetaTransition.unchanged(state));
    }

    static MetaTransition release(
            MetaState state, ClusterImage image, MetaCommand.Release command) {
        return inForce(image, command.volume(), command.epoch())
                .filter(a -> a.state() != Attachment.State.RELEASING)
                .map(a -> MetaTransition.to(state, ImageEdit.put(image, inState(a, RELEASING))))
                .orElseGet(() -> MetaTransition.unchanged(state));
    }

    static MetaTransition evicted(
            MetaState state, ClusterImage image, MetaCommand.AttachmentEvicted command) {
        return inForce(image, command.volume(), command.epoch())
                .filter(a -> a.state() == Attachment.State.RELEASING)
                .map(a -> MetaTransition.to(state, ImageEdit.removeAttachment(image, a.volume())))
                .orElseGet(() -> MetaTransition.unchanged(state));
    }

    private static Optional<Attachment> inForce(ClusterImage image, VolumeId volume, Epoch epoch) {
        return Optional.ofNullable(image.attachments().get(volume))
                .filter(a -> a.epoch().equals(epoch));
    }

    private static Attachment inState(Attachment attachment, Attachment.State next) {
        return new Attachment(
                attachment.volume(),
                attachment.epoch(),
                attachment.mode(),
                attachment.gateway(),
                attachment.host(),
                attachment.ownerProofSha256(),
                next,
                attachment.grantedAtMs());
    }
}
