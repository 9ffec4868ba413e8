package io.mirach.client;

import io.mirach.model.Attachment;
import java.time.Duration;
import java.util.Objects;

/**
 * How a volume is attached.
 *
 * @param force take the volume from whoever is in the way: they are revoked from the first logged
 *     step on, whether or not they live
 * @param migrationWindow for a live migration: how long at most the present holder, which must be
 *     one other read-write one, goes on beside this attachment before it is revoked; zero for no
 *     migration
 */
public record AttachOptions(Attachment.Mode mode, boolean force, Duration migrationWindow) {
    public AttachOptions {
        Objects.requireNonNull(mode, "mode");
        if (migrationWindow.isNegative()) {
            throw new IllegalArgumentException("a migration window must not be negative");
        }
        if (!migrationWindow.isZero() && (force || mode != Attachment.Mode.READ_WRITE)) {
            throw new IllegalArgumentException(
                    "a migration is to a read-write attachment, and without force");
        }
    }

    /** Refused with VOLUME_IN_USE if others are in the way. */
    public static AttachOptions of(Attachment.Mode mode) {
        return new AttachOptions(mode, false, Duration.ZERO);
    }

    /** Takes the volume from whoever is in the way. */
    public static AttachOptions forced(Attachment.Mode mode) {
        return new AttachOptions(mode, true, Duration.ZERO);
    }

    /** Read-write beside the present holder, which is revoked after the window at the latest. */
    public static AttachOptions migrating(Duration window) {
        return new AttachOptions(Attachment.Mode.READ_WRITE, false, window);
    }
}
