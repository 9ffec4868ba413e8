package io.mirach.model;

import java.util.Objects;

/**
 * A gateway's right to use a volume.
 *
 * @param gateway the holder, by its name
 * @param host the holder's host name, for people
 * @param ownerProofSha256 hex SHA-256 of the secret that proves the holder is the same owner when
 *     it comes back
 * @param grantedAtMs wall clock, milliseconds since 1970
 */
public record Attachment(
        VolumeId volume,
        Epoch epoch,
        Mode mode,
        String gateway,
        String host,
        String ownerProofSha256,
        State state,
        long grantedAtMs) {
    /** What the holder may do. */
    public enum Mode {
        READ_WRITE,
        READ_ONLY
    }

    /** Where an attachment is in its life. */
    public enum State {
        /** Logged; earlier ones are revoked; not yet admitted by every placement group. */
        PENDING,
        LIVE,
        /** Being taken out of every placement group's admission. */
        RELEASING
    }

    public Attachment {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(epoch, "epoch");
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(gateway, "gateway");
        Objects.requireNonNull(host, "host");
        Objects.requireNonNull(ownerProofSha256, "ownerProofSha256");
        Objects.requireNonNull(state, "state");
    }
}
