package io.mirach.model;

import java.util.Objects;

/**
 * A gateway's right to use a volume.
 *
 * @param gateway the holder, by its name
 * @param host the holder's host name, for people
 * @param ownerProofSha256 hex SHA-256 of the secret that proves the holder is the same owner when
 *     it comes back
 * @param grantedAtMs wall clock, milliseconds since 1970; for people only
 * @param revokedBecause why it was taken from its holder; empty while it was not, and if the holder
 *     gives it back
 */
public record Attachment(
        VolumeId volume,
        Epoch epoch,
        Mode mode,
        String gateway,
        String host,
        String ownerProofSha256,
        State state,
        long grantedAtMs,
        String revokedBecause) {
    /** What the holder may do, and beside whom. */
    public enum Mode {
        /** Reads and writes, alone. */
        READ_WRITE,
        /** Only reads; beside other readers and sharers, never beside an exclusive writer. */
        READ_ONLY,
        /** Reads and writes beside other sharers, whose file system expects that. */
        SHARED;

        public boolean writes() {
            return this != READ_ONLY;
        }

        /** Whether the two may use a volume at the same time. Symmetric. */
        public boolean goesWith(Mode other) {
            return this != READ_WRITE && other != READ_WRITE;
        }
    }

    /** Where an attachment is in its life. */
    public enum State {
        /** Logged; those it replaces are revoked; not yet admitted by every placement group. */
        PENDING,
        LIVE,
        /** Has lost its right, and is being taken out of every placement group's admission. */
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
        Objects.requireNonNull(revokedBecause, "revokedBecause");
    }

    /** Whether it is a right, or becomes one once every placement group admits it. */
    public boolean held() {
        return state != State.RELEASING;
    }

    public Attachment live() {
        return in(State.LIVE, "");
    }

    /**
     * On its way out.
     *
     * @param why empty if the holder gives it back
     */
    public Attachment releasing(String why) {
        return in(State.RELEASING, why);
    }

    private Attachment in(State next, String why) {
        return new Attachment(
                volume, epoch, mode, gateway, host, ownerProofSha256, next, grantedAtMs, why);
    }
}
