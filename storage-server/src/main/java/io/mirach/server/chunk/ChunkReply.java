package io.mirach.server.chunk;

import io.mirach.protocol.ErrorCode;
import java.util.EnumMap;
import java.util.Map;

/** What a placement group's command ends with: the same on every replica. */
public record ChunkReply(ErrorCode code) {
    private static final Map<ErrorCode, ChunkReply> REPLIES = new EnumMap<>(ErrorCode.class);

    static {
        for (ErrorCode code : ErrorCode.values()) {
            REPLIES.put(code, new ChunkReply(code));
        }
    }

    static ChunkReply of(ErrorCode code) {
        return REPLIES.get(code);
    }
}
