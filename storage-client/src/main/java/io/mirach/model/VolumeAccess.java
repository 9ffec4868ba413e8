package io.mirach.model;

import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Who may use a volume, and who has the order to offer it. Changes as a whole; one change is on its
 * way to the placement groups at a time, and a later one takes its place.
 *
 * @param admissionVersion names the set of epochs that are {@link Attachment#held}: what every
 *     placement group of the volume is to admit; grows over the life of the cluster
 * @param admitted whether every placement group has that set
 * @param attachments by ascending epoch; at most one held by each gateway
 * @param exports by gateway, at most one each
 * @param taken the last few that were taken from their holders and are admitted nowhere any more,
 *     the oldest first: so that the holders learn why
 */
public record VolumeAccess(
        VolumeId volume,
        long admissionVersion,
        boolean admitted,
        List<Attachment> attachments,
        List<Export> exports,
        Optional<Migration> migration,
        List<Attachment> taken) {
    private static final int TAKEN_KEPT = 4;

    public VolumeAccess {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(migration, "migration");
        attachments = attachments.stream().sorted(Comparator.comparing(Attachment::epoch)).toList();
        taken = List.copyOf(taken);
        exports = exports.stream().sorted(Comparator.comparing(Export::gateway)).toList();
    }

    /** Nobody uses the volume. */
    public static VolumeAccess none(VolumeId volume) {
        return new VolumeAccess(volume, 0, true, List.of(), List.of(), Optional.empty(), List.of());
    }

    /** Whether nothing needs to be remembered. */
    public boolean unused() {
        return admitted
                && attachments.isEmpty()
                && exports.isEmpty()
                && migration.isEmpty()
                && taken.isEmpty();
    }

    /** The attachments that are a right, or become one. */
    public Stream<Attachment> held() {
        return attachments.stream().filter(Attachment::held);
    }

    public Optional<Attachment> heldBy(String gateway) {
        return held().filter(a -> a.gateway().equals(gateway)).findFirst();
    }

    public Optional<Attachment> attachment(Epoch epoch) {
        return attachments.stream().filter(a -> a.epoch().equals(epoch)).findFirst();
    }

    /** Why an attachment was taken from its holder; empty if it was not, or too long ago. */
    public Optional<String> takenBecause(Epoch epoch) {
        return Stream.concat(attachments.stream(), taken.stream())
                .filter(a -> a.epoch().equals(epoch))
                .map(Attachment::revokedBecause)
                .filter(why -> !why.isEmpty())
                .findFirst();
    }

    public Optional<Export> exportAt(String gateway) {
        return exports.stream().filter(e -> e.gateway().equals(gateway)).findFirst();
    }

    /** Whether these two gateways may write to the volume together for a while. */
    public boolean migratesBetween(String one, String other) {
        return migration.filter(m -> m.joins(one, other)).isPresent();
    }

    public VolumeAccess withAttachments(List<Attachment> changed) {
        return new VolumeAccess(
                volume, admissionVersion, admitted, changed, exports, migration, taken);
    }

    /** With the attachments of which it holds on their way out, for that reason. */
    public VolumeAccess releasing(Predicate<Attachment> which, String why) {
        return withAttachments(
                attachments.stream()
                        .map(a -> a.held() && which.test(a) ? a.releasing(why) : a)
                        .toList());
    }

    /** In place of the gateway's order so far. */
    public VolumeAccess withExport(Export export) {
        return withExports(
                Stream.concat(
                                exports.stream().filter(e -> !e.gateway().equals(export.gateway())),
                                Stream.of(export))
                        .toList());
    }

    public VolumeAccess withoutExports(Predicate<Export> which) {
        return withExports(exports.stream().filter(which.negate()).toList());
    }

    private VolumeAccess withExports(List<Export> changed) {
        return new VolumeAccess(
                volume, admissionVersion, admitted, attachments, changed, migration, taken);
    }

    public VolumeAccess withMigration(Optional<Migration> changed) {
        return new VolumeAccess(
                volume, admissionVersion, admitted, attachments, exports, changed, taken);
    }

    /** With a set of epochs that the placement groups have yet to admit. */
    public VolumeAccess toAdmit(long version) {
        return new VolumeAccess(volume, version, false, attachments, exports, migration, taken);
    }

    /** Every placement group has the set: what was pending is live, what was revoked is gone. */
    public VolumeAccess asAdmitted() {
        List<Attachment> newlyTaken =
                attachments.stream()
                        .filter(a -> !a.held() && !a.revokedBecause().isEmpty())
                        .toList();
        List<Attachment> all = Stream.concat(taken.stream(), newlyTaken.stream()).toList();
        return new VolumeAccess(
                volume,
                admissionVersion,
                true,
                held().map(Attachment::live).toList(),
                exports,
                migration,
                all.subList(Math.max(0, all.size() - TAKEN_KEPT), all.size()));
    }
}
