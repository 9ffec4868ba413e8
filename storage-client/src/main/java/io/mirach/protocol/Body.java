package io.mirach.protocol;

import io.netty.buffer.ByteBuf;
import java.util.function.Function;

/**
 * Decodes message bodies so that bad ones end as MALFORMED and nothing leaks. Every body starts
 * with one byte, the version of that message's format.
 */
public final class Body {
    private Body() {}

    /**
     * Decodes a message that keeps nothing of its body: the body is released in any case, and bytes
     * left over are MALFORMED.
     *
     * @param formatVersion what the first byte must be; else UNSUPPORTED_VERSION
     */
    public static <T> T decode(ByteBuf body, int formatVersion, Function<ByteBuf, T> decoder) {
        try {
            T message = decodeBorrowed(body, formatVersion, decoder);
            requireLeft(body, 0);
            return message;
        } finally {
            body.release();
        }
    }

    /**
     * As {@link #decode}, for a message whose payload is the rest of the body: the decoder takes
     * the body over by returning normally. If it throws, the body is released here.
     */
    public static <T> T decodeKeepingPayload(
            ByteBuf body, int formatVersion, Function<ByteBuf, T> decoder) {
        boolean taken = false;
        try {
            T message = decodeBorrowed(body, formatVersion, decoder);
            taken = true;
            return message;
        } finally {
            if (!taken) {
                body.release();
            }
        }
    }

    private static <T> T decodeBorrowed(
            ByteBuf body, int formatVersion, Function<ByteBuf, T> decoder) {
        require(body.isReadable(), "empty message");
        int version = body.readUnsignedByte();
        if (version != formatVersion) {
            throw new MirachException(
                    ErrorCode.UNSUPPORTED_VERSION,
                    "message format " + version + "; this side reads " + formatVersion);
        }
        try {
            return decoder.apply(body);
        } catch (IndexOutOfBoundsException e) {
            throw new MirachException(ErrorCode.MALFORMED, "message is too short", e);
        } catch (IllegalArgumentException e) {
            // A value that its record refuses.
            throw new MirachException(ErrorCode.MALFORMED, e.getMessage(), e);
        }
    }

    /** Fails with MALFORMED unless {@code holds}. */
    public static void require(boolean holds, String detail) {
        if (!holds) {
            throw new MirachException(ErrorCode.MALFORMED, detail);
        }
    }

    /** Fails with MALFORMED unless exactly {@code bytes} are left. */
    public static void requireLeft(ByteBuf body, long bytes) {
        if (body.readableBytes() != bytes) {
            throw new MirachException(
                    ErrorCode.MALFORMED,
                    "message has " + body.readableBytes() + " bytes where " + bytes + " are due");
        }
    }
}
