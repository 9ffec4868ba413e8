package io.mirach.protocol.cluster;

import io.mirach.model.Attachment;

/**
 * Asks for the attachment of a volume. Refused with VOLUME_IN_USE while another owner holds it; the
 * same owner (same gateway and secret) gets a new epoch at once, and its former self is fenced.
 * Those whose term has expired are not in the way. Answered with the {@link
 * io.mirach.model.Attachment} once every placement group of the volume admits its epoch.
 *
 * @param force take the volume from whoever holds it, who is revoked at once
 * @param migrationWindowMs for how long the present holder may go on beside this one; 0 for none
 * @param ownerSecret what proves the owner when it comes back; only its hash is kept
 */
public record AttachRequest(
        String volume,
        Attachment.Mode mode,
        String gateway,
        String host,
        String ownerSecret,
        boolean force,
        long migrationWindowMs) {}
