package io.mirach.protocol.cluster;

import io.mirach.model.Epoch;
import io.mirach.model.VolumeId;
import java.util.Objects;

/**
 * Gives an attachment back. Idempotent: an epoch that is no longer live is a success. Refused with
 * NOT_ATTACHED if another owner has it.
 *
 * @param ownerSecret as in {@link AttachRequest}
 */
public record DetachRequest(VolumeId volume, Epoch epoch, String ownerSecret) {
    public DetachRequest {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(epoch, "epoch");
        Objects.requireNonNull(ownerSecret, "ownerSecret");
    }
}
