package io.mirach.protocol.cluster;

import io.mirach.model.Attachment;
import java.util.Objects;

/**
 * An attachment that is granted.
 *
 * @param mapVersion of a cluster map that has it. Only by a map at least as new may it be used:
 *     whoever wrote before may have written to a head that older maps do not know.
 */
public record AttachReply(Attachment attachment, long mapVersion) {
    public AttachReply {
        Objects.requireNonNull(attachment, "attachment");
    }
}
