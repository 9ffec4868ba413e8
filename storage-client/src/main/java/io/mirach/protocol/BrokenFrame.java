package io.mirach.protocol;

import java.util.OptionalLong;

/**
 * What {@link FrameDecoder} fires as a user event when the peer's bytes make no frame. Nothing that
 * follows on the connection can be understood; the receiver may answer {@code requestId} and must
 * close.
 *
 * @param code FRAME_TOO_LARGE, UNSUPPORTED_VERSION or MALFORMED
 * @param requestId of the frame, if it was a request and its header could be read
 */
public record BrokenFrame(ErrorCode code, String detail, int opcode, OptionalLong requestId) {
    public MirachException toException() {
        return new MirachException(code, detail);
    }
}
