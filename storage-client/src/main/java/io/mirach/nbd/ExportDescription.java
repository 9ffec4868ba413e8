package io.mirach.nbd;

import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * What a client may know of an export before it is attached.
 *
 * @param name as in LIST; at most 4096 bytes of UTF-8
 * @param text for people; may be empty
 */
public record ExportDescription(String name, long sizeBytes, boolean readOnly, String text) {
    public ExportDescription {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(text, "text");
        if (sizeBytes < 0) {
            throw new IllegalArgumentException("size: " + sizeBytes);
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > NbdProtocol.MAX_STRING_BYTES
                || text.getBytes(StandardCharsets.UTF_8).length > NbdProtocol.MAX_STRING_BYTES) {
            throw new IllegalArgumentException("NBD strings are at most 4096 bytes");
        }
    }

    /** The transmission flags, which depend on whether structured replies were agreed. */
    int transmissionFlags(boolean structuredReplies) {
        // Multi-conn: nothing is cached between a connection and the volume, so a completed write
        // is seen, and is durable, on all connections.
        int flags =
                NbdProtocol.FLAG_HAS_FLAGS
                        | NbdProtocol.FLAG_SEND_FLUSH
                        | NbdProtocol.FLAG_SEND_FUA
                        | NbdProtocol.FLAG_CAN_MULTI_CONN
                        | NbdProtocol.FLAG_SEND_CACHE;
        if (structuredReplies) {
            flags |= NbdProtocol.FLAG_SEND_DF;
        }
        return readOnly
                ? flags | NbdProtocol.FLAG_READ_ONLY
                : flags
                        | NbdProtocol.FLAG_SEND_TRIM
                        | NbdProtocol.FLAG_SEND_WRITE_ZEROES
                        | NbdProtocol.FLAG_SEND_FAST_ZERO;
    }
}
