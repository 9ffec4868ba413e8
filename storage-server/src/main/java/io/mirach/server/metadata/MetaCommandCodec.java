package io.mirach.server.metadata;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import io.mirach.protocol.Json;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;

/**
 * How commands stand in the meta group's log: one format byte (2), then the command as JSON. What a
 * replica does not fully understand it must not apply, so unknown fields are refused.
 */
public final class MetaCommandCodec {
    private static final int FORMAT = 2;
    private static final ObjectReader READER =
            Json.mapper()
                    .readerFor(MetaCommand.class)
                    .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .with(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES);

    private MetaCommandCodec() {}

    /** A buffer on the heap that the caller owns. */
    public static ByteBuf encode(MetaCommand command) {
        try {
            byte[] json = Json.mapper().writerFor(MetaCommand.class).writeValueAsBytes(command);
            return Unpooled.buffer(1 + json.length).writeByte(FORMAT).writeBytes(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write " + command, e);
        }
    }

    /**
     * Reads a command; borrows {@code entry} and moves its reader index. Fails with
     * IllegalStateException: an entry that this build cannot read must stop the replica.
     */
    public static MetaCommand decode(ByteBuf entry) {
        int format = entry.readUnsignedByte();
        if (format != FORMAT) {
            throw new IllegalStateException(
                    "the meta log holds a command of format "
                            + format
                            + "; this build reads format "
                            + FORMAT);
        }
        try (InputStream json = new ByteBufInputStream(entry)) {
            return READER.readValue(json);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "the meta log holds a command that this build cannot read: " + e.getMessage(),
                    e);
        }
    }
}
