package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Export;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** Changes of the orders to offer volumes. Pure. */
final class ExportChanges {
    private ExportChanges() {}

    static MetaTransition set(MetaState state, ClusterImage image, MetaCommand.SetExport command) {
        Export export = command.export();
        Volume volume = image.volumes().get(export.volume());
        if (volume == null || volume.state() == Volume.State.DELETING) {
            return VolumeChanges.noSuchVolume(state, export.volume());
        }
        if (!image.gateways().containsKey(export.gateway())) {
            return MetaTransition.refuse(
                    state,
                    ErrorCode.NO_SUCH_GATEWAY,
                    "no gateway is named '" + export.gateway() + "'",
                    "mirach gateway ls");
        }
        VolumeAccess before = image.accessTo(export.volume());
        boolean migrates = command.migrationWindowMs() > 0;
        Optional<MetaTransition> refusal =
                migrates ? migrationRefusal(state, volume, before, export) : Optional.empty();
        if (refusal.isPresent()) {
            return refusal.get();
        }
        List<Attachment> inTheWay =
                migrates
                        ? List.of()
                        : AttachmentChanges.rivals(
                                        before, export.gateway(), export.mode(), command.force())
                                .toList();
        refusal =
                AttachmentChanges.inUse(
                        state, volume, inTheWay, command.force(), command.expired());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        VolumeAccess after =
                AttachmentChanges.revoked(
                        before,
                        inTheWay,
                        AttachmentChanges.reason(command.force(), export.gateway()));
        // Those of gateways that were in the way are withdrawn by now; another may come any time.
        Predicate<Export> inConflict = conflicting(after, export, migrates);
        if (!command.force()) {
            Optional<Export> other = after.exports().stream().filter(inConflict).findFirst();
            if (other.isPresent()) {
                return MetaTransition.refuse(
                        state,
                        ErrorCode.VOLUME_IN_USE,
                        ordered(other.get(), volume),
                        "withdraw that order with 'mirach detach "
                                + volume.name()
                                + " --gateway "
                                + other.get().gateway()
                                + "', or add --force to this attach");
            }
        }
        return moved(state, image, before, after.withoutExports(inConflict), command);
    }

    private static Predicate<Export> conflicting(
            VolumeAccess access, Export export, boolean migrates) {
        return other ->
                !other.gateway().equals(export.gateway())
                        && !other.mode().goesWith(export.mode())
                        && !migrates
                        && (other.mode() != Attachment.Mode.READ_WRITE
                                || export.mode() != Attachment.Mode.READ_WRITE
                                || !access.migratesBetween(other.gateway(), export.gateway()));
    }

    private static MetaTransition moved(
            MetaState state,
            ClusterImage image,
            VolumeAccess before,
            VolumeAccess cleared,
            MetaCommand.SetExport command) {
        MetaState.Counters counters = state.counters();
        long number = counters.nextAdmission();
        Export asked = command.export();
        Export export = new Export(asked.volume(), asked.gateway(), asked.mode(), number);
        VolumeAccess after = cleared.withExport(export);
        if (command.migrationWindowMs() > 0) {
            after = Migrations.begun(after, number, export.gateway(), command.migrationWindowMs());
        }
        return after.attachments().equals(before.attachments())
                ? MetaTransition.to(ImageEdit.put(image, after), counters.afterAdmission(), 0)
                : AttachmentChanges.toAdmit(state, image, after);
    }

    /** An order waits for its gateway: unlike one that attaches, it must have someone to follow. */
    private static Optional<MetaTransition> migrationRefusal(
            MetaState state, Volume volume, VolumeAccess access, Export export) {
        if (access.held().allMatch(a -> a.gateway().equals(export.gateway()))) {
            return Optional.of(
                    MetaTransition.refuse(
                            state,
                            ErrorCode.NOT_ATTACHED,
                            "volume "
                                    + volume.name()
                                    + " is not attached at another gateway: there is nothing to"
                                    + " migrate",
                            "attach it without --migrate"));
        }
        return Migrations.refusal(state, volume, access, export.gateway(), export.mode());
    }

    static MetaTransition remove(
            MetaState state, ClusterImage image, MetaCommand.RemoveExport command) {
        VolumeAccess before = image.accessTo(command.volume());
        VolumeAccess after = before.withoutExports(e -> e.gateway().equals(command.gateway()));
        boolean callsOff =
                before.migration().filter(m -> m.to().equals(command.gateway())).isPresent();
        if (callsOff) {
            // At once: it may be dead, and the window would end in its favour.
            after =
                    after.releasing(
                                    a -> a.gateway().equals(command.gateway()),
                                    "the migration to it was called off")
                            .withMigration(Optional.empty());
        }
        if (after.equals(before)) {
            return MetaTransition.unchanged(state);
        }
        return after.attachments().equals(before.attachments())
                ? MetaTransition.to(state, ImageEdit.put(image, after))
                : AttachmentChanges.toAdmit(state, image, after);
    }

    static String ordered(Export export, Volume volume) {
        return "gateway " + export.gateway() + " has the order to offer " + volume.name();
    }
}
