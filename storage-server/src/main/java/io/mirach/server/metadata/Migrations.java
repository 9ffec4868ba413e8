package io.mirach.server.metadata;

import io.mirach.model.Attachment;
import io.mirach.model.Epoch;
import io.mirach.model.Migration;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import java.util.List;
import java.util.Optional;

/** The two-writer window of a live migration. Pure. */
final class Migrations {
    private Migrations() {}

    /** Why a volume cannot be migrated to that gateway; empty if it can. */
    static Optional<MetaTransition> refusal(
            MetaState state, Volume volume, VolumeAccess access, String to, Attachment.Mode mode) {
        if (mode != Attachment.Mode.READ_WRITE) {
            return refuse(
                    state, ErrorCode.INVALID_ARGUMENT, "only a read-write attachment migrates", "");
        }
        if (access.migration().filter(m -> !m.to().equals(to)).isPresent()) {
            Migration running = access.migration().get();
            return refuse(
                    state,
                    ErrorCode.CONFLICT,
                    "volume "
                            + volume.name()
                            + " is migrating from gateway "
                            + running.from()
                            + " to "
                            + running.to(),
                    "wait until its window is over, or call it off with 'mirach detach "
                            + volume.name()
                            + " --gateway "
                            + running.to()
                            + "'");
        }
        List<Attachment> others = access.held().filter(a -> !a.gateway().equals(to)).toList();
        if (others.stream().anyMatch(a -> a.mode() != Attachment.Mode.READ_WRITE)) {
            return refuse(
                    state,
                    ErrorCode.CONFLICT,
                    "volume "
                            + volume.name()
                            + " is "
                            + AttachmentChanges.holders(others)
                            + ": only an exclusive read-write attachment migrates",
                    "attach it in the same mode, without --migrate");
        }
        return Optional.empty();
    }

    private static Optional<MetaTransition> refuse(
            MetaState state, ErrorCode code, String detail, String remedy) {
        return Optional.of(MetaTransition.refuse(state, code, detail, remedy));
    }

    /** With the window open from the present holder to that gateway, unless it is open already. */
    static VolumeAccess begun(VolumeAccess access, long id, String to, long windowMs) {
        return access.held()
                .filter(a -> access.migration().isEmpty() && !a.gateway().equals(to))
                .findFirst()
                .map(
                        a ->
                                access.withMigration(
                                        Optional.of(new Migration(id, a.gateway(), to, windowMs))))
                .orElse(access);
    }

    /** Whoever of the two leaves ends it: the other goes on alone. */
    static VolumeAccess endedBy(VolumeAccess access, List<String> leaving) {
        return access.migration()
                        .filter(m -> leaving.contains(m.from()) || leaving.contains(m.to()))
                        .isPresent()
                ? access.withMigration(Optional.empty())
                : access;
    }

    /**
     * The window is over: the first gateway is revoked if the second is admitted everywhere. If it
     * is not, nothing can run there yet; if it is not heard while the first is, nothing runs there
     * any more: then the first keeps the volume.
     *
     * @param expired those that are not heard
     */
    static VolumeAccess ended(VolumeAccess access, Migration migration, List<Epoch> expired) {
        boolean firstLives =
                access.heldBy(migration.from())
                        .filter(a -> !expired.contains(a.epoch()))
                        .isPresent();
        boolean arrived =
                access.heldBy(migration.to())
                        .filter(a -> a.state() == Attachment.State.LIVE)
                        .filter(a -> !firstLives || !expired.contains(a.epoch()))
                        .isPresent();
        String leaving = arrived ? migration.from() : migration.to();
        String why =
                arrived
                        ? "the window of its migration to gateway " + migration.to() + " is over"
                        : "it did not arrive within the window of its migration from gateway "
                                + migration.from();
        return access.releasing(a -> a.gateway().equals(leaving), why)
                .withoutExports(e -> e.gateway().equals(leaving))
                .withMigration(Optional.empty());
    }
}
