package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.Migration;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Changes of attachments. Pure. What is logged as revoked has lost its right: from then on there is
 * no way back for it, whatever becomes of the one in whose favour that was. Every change of the set
 * of those that are held gets a version of its own; a change made before the one in force has
 * reached every placement group takes its place.
 */
final class AttachmentChanges {
    private static final String EXPIRED = "it was not renewed in time, and gateway ";

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
        VolumeAccess before = image.accessTo(command.volume());
        String gateway = command.gateway();
        Optional<Attachment> own = before.heldBy(gateway);
        boolean resumes =
                own.filter(a -> a.ownerProofSha256().equals(command.ownerProofSha256()))
                        .isPresent();
        boolean migrates = command.migrationWindowMs() > 0 && !resumes;
        if (migrates) {
            Optional<MetaTransition> refusal =
                    Migrations.refusal(state, volume, before, gateway, command.mode());
            if (refusal.isPresent()) {
                return refusal.get();
            }
        }
        List<Attachment> rivals =
                migrates
                        ? List.of()
                        : rivals(before, gateway, command.mode(), command.force()).toList();
        List<Attachment> inTheWay =
                Stream.concat(rivals.stream(), resumes ? Stream.empty() : own.stream()).toList();
        Optional<MetaTransition> refusal =
                inUse(state, volume, inTheWay, command.force(), command.expired());
        if (refusal.isPresent()) {
            return refusal.get();
        }
        MetaState.Counters counters = state.counters();
        Epoch epoch = new Epoch(counters.nextEpoch());
        VolumeAccess after =
                revoked(before, rivals, reason(command.force(), gateway))
                        .releasing(
                                a -> a.gateway().equals(gateway),
                                "the same gateway attached anew as " + epoch);
        if (migrates) {
            after =
                    Migrations.begun(
                            after, counters.nextAdmission(), gateway, command.migrationWindowMs());
        }
        Attachment pending =
                new Attachment(
                        command.volume(),
                        epoch,
                        command.mode(),
                        gateway,
                        command.host(),
                        command.ownerProofSha256(),
                        Attachment.State.PENDING,
                        command.grantedAtMs(),
                        "");
        after =
                after.withAttachments(
                                Stream.concat(after.attachments().stream(), Stream.of(pending))
                                        .toList())
                        .toAdmit(counters.nextAdmission());
        Optional<MetaTransition> snapshotFirst =
                SnapshotChanges.refusalOfAnotherWriter(state, volume, after);
        if (snapshotFirst.isPresent()) {
            return snapshotFirst.get();
        }
        return MetaTransition.to(
                ImageEdit.put(image, after), counters.afterEpoch().afterAdmission(), epoch.value());
    }

    /** Those of other gateways that a new attachment of that mode cannot stand beside. */
    static Stream<Attachment> rivals(
            VolumeAccess access, String gateway, Attachment.Mode mode, boolean force) {
        return access.held()
                .filter(a -> !a.gateway().equals(gateway))
                .filter(a -> !a.mode().goesWith(mode))
                // Force ends a migration in favour of the one that asks for it.
                .filter(
                        a ->
                                force
                                        || mode != Attachment.Mode.READ_WRITE
                                        || a.mode() != Attachment.Mode.READ_WRITE
                                        || !access.migratesBetween(a.gateway(), gateway));
    }

    /** VOLUME_IN_USE if someone is in the way who may stay there. */
    static Optional<MetaTransition> inUse(
            MetaState state,
            Volume volume,
            List<Attachment> inTheWay,
            boolean force,
            List<Epoch> expired) {
        List<Attachment> staying =
                inTheWay.stream().filter(a -> !force && !expired.contains(a.epoch())).toList();
        if (staying.isEmpty()) {
            return Optional.empty();
        }
        String name = volume.name();
        String gateway = staying.size() == 1 ? "" : " --gateway " + staying.get(0).gateway();
        return Optional.of(
                MetaTransition.refuse(
                        state,
                        ErrorCode.VOLUME_IN_USE,
                        "volume " + name + " is " + holders(staying),
                        "detach it there with 'mirach detach "
                                + name
                                + gateway
                                + "'; to take it over at once, add --force to this attach"));
    }

    static String reason(boolean force, String gateway) {
        return force
                ? "gateway " + gateway + " took it over by force"
                : EXPIRED + gateway + " attached";
    }

    /** With these revoked, and the orders of their gateways withdrawn: they shall not come back. */
    static VolumeAccess revoked(VolumeAccess access, List<Attachment> which, String why) {
        List<String> gateways = which.stream().map(Attachment::gateway).toList();
        VolumeAccess after =
                access.releasing(which::contains, why)
                        .withoutExports(e -> gateways.contains(e.gateway()));
        return Migrations.endedBy(after, gateways);
    }

    static MetaTransition admitted(
            MetaState state, ClusterImage image, MetaCommand.AdmissionInstalled command) {
        VolumeAccess access = image.accessTo(command.volume());
        return access.admitted() || access.admissionVersion() != command.version()
                ? MetaTransition.unchanged(state)
                : MetaTransition.to(state, ImageEdit.put(image, access.asAdmitted()));
    }

    static MetaTransition release(
            MetaState state, ClusterImage image, MetaCommand.Release command) {
        VolumeAccess before = image.accessTo(command.volume());
        Optional<Attachment> leaving = before.attachment(command.epoch()).filter(Attachment::held);
        if (leaving.isEmpty()) {
            return MetaTransition.unchanged(state);
        }
        VolumeAccess after =
                Migrations.endedBy(
                        before.releasing(a -> a.epoch().equals(command.epoch()), ""),
                        List.of(leaving.get().gateway()));
        return toAdmit(state, image, after);
    }

    static MetaTransition revoke(MetaState state, ClusterImage image, MetaCommand.Revoke command) {
        VolumeAccess before = image.accessTo(command.volume());
        List<Attachment> which =
                before.held().filter(a -> a.gateway().equals(command.gateway())).toList();
        VolumeAccess after =
                Migrations.endedBy(
                        revoked(before, which, command.reason())
                                .withoutExports(e -> e.gateway().equals(command.gateway())),
                        List.of(command.gateway()));
        if (after.equals(before)) {
            return MetaTransition.unchanged(state);
        }
        return which.isEmpty()
                ? MetaTransition.to(state, ImageEdit.put(image, after))
                : toAdmit(state, image, after);
    }

    static MetaTransition endMigration(
            MetaState state, ClusterImage image, MetaCommand.EndMigration command) {
        VolumeAccess before = image.accessTo(command.volume());
        Optional<Migration> migration =
                before.migration().filter(m -> m.id() == command.migration());
        if (migration.isEmpty()) {
            return MetaTransition.unchanged(state);
        }
        VolumeAccess after = Migrations.ended(before, migration.get(), command.expired());
        return after.attachments().equals(before.attachments())
                ? MetaTransition.to(state, ImageEdit.put(image, after))
                : toAdmit(state, image, after);
    }

    /** The image with another set of attachments, which the placement groups have yet to admit. */
    static MetaTransition toAdmit(MetaState state, ClusterImage image, VolumeAccess after) {
        MetaState.Counters counters = state.counters();
        return MetaTransition.to(
                ImageEdit.put(image, after.toAdmit(counters.nextAdmission())),
                counters.afterAdmission(),
                0);
    }

    static String holders(List<Attachment> attachments) {
        return attachments.stream()
                .map(
                        a ->
                                "attached "
                                        + wording(a.mode())
                                        + " at gateway "
                                        + a.gateway()
                                        + " on "
                                        + a.host())
                .collect(Collectors.joining(" and "));
    }

    private static String wording(Attachment.Mode mode) {
        return switch (mode) {
            case READ_WRITE -> "read-write";
            case READ_ONLY -> "read-only";
            case SHARED -> "shared";
        };
    }
}
