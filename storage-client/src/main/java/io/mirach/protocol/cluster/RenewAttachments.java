package io.mirach.protocol.cluster;

import io.mirach.model.Epoch;
import io.mirach.model.VolumeId;
import java.util.List;
import java.util.Objects;

/**
 * All that a gateway holds, once more: each of these gets a full term from now. Answered by the
 * meta leader with {@link Renewal}.
 *
 * @param gateway the holder; what another holds is not renewed
 * @param ownerSecret as in {@link AttachRequest}; what another owner holds is not renewed either
 */
public record RenewAttachments(String gateway, String ownerSecret, List<Held> attachments) {
    /** An attachment, as its holder knows it. */
    public record Held(VolumeId volume, Epoch epoch) {
        public Held {
            Objects.requireNonNull(volume, "volume");
            Objects.requireNonNull(epoch, "epoch");
        }
    }

    public RenewAttachments {
        Objects.requireNonNull(gateway, "gateway");
        Objects.requireNonNull(ownerSecret, "ownerSecret");
        attachments = List.copyOf(attachments);
    }
}
