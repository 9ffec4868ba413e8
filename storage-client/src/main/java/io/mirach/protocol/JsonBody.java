package io.mirach.protocol;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Bodies of the cluster messages: one format byte, then the record as JSON. Format 1 is plain;
 * format 2 is compressed (u32 length of the JSON, then a zlib stream), used for long ones such as
 * whole cluster maps, so that they fit a frame.
 */
public final class JsonBody {
    private static final int FORMAT_PLAIN = 1;
    private static final int FORMAT_DEFLATED = 2;
    private static final int DEFLATE_FROM_BYTES = 64 << 10;
    private static final int MAX_JSON_BYTES = 64 << 20;

    private static final ObjectReader READER =
            Json.mapper()
                    .reader()
                    // A null in a record would surface far from the peer that sent it.
                    .with(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES);

    private JsonBody() {}

    /** A body that the caller owns. Fails with FRAME_TOO_LARGE if it would fit no frame. */
    public static ByteBuf encode(Object message, ByteBufAllocator allocator) {
        byte[] json;
        try {
            json = Json.mapper().writeValueAsBytes(message);
        } catch (JsonProcessingException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot write " + message.getClass().getSimpleName(), e);
        }
        if (json.length < DEFLATE_FROM_BYTES) {
            return allocator.directBuffer(1 + json.length).writeByte(FORMAT_PLAIN).writeBytes(json);
        }
        return deflated(json, allocator);
    }

    private static ByteBuf deflated(byte[] json, ByteBufAllocator allocator) {
        byte[] compressed = new byte[Frame.MAX_BODY_BYTES - 5];
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        try {
            deflater.setInput(json);
            deflater.finish();
            int lengthBytes = deflater.deflate(compressed);
            if (!deflater.finished() || json.length > MAX_JSON_BYTES) {
                throw new MirachException(
                        ErrorCode.FRAME_TOO_LARGE,
                        "a message of " + json.length + " bytes does not fit a frame");
            }
            return allocator
                    .directBuffer(5 + lengthBytes)
                    .writeByte(FORMAT_DEFLATED)
                    .writeInt(json.length)
                    .writeBytes(compressed, 0, lengthBytes);
        } finally {
            deflater.end();
        }
    }

    /**
     * Reads a body. Takes ownership of it. Fails with MALFORMED, or UNSUPPORTED_VERSION for a
     * format from the future.
     */
    public static <T> T decode(ByteBuf body, Class<T> type) {
        try {
            Body.require(body.isReadable(), "empty message");
            int format = body.readUnsignedByte();
            try (InputStream json =
                    switch (format) {
                        case FORMAT_PLAIN -> new ByteBufInputStream(body);
                        case FORMAT_DEFLATED -> new ByteArrayInputStream(inflated(body));
                        default ->
                                throw new MirachException(
                                        ErrorCode.UNSUPPORTED_VERSION, "message format " + format);
                    }) {
                T message = READER.readValue(json, type);
                Body.require(message != null, "no " + type.getSimpleName());
                return message;
            }
        } catch (JsonProcessingException e) {
            e.clearLocation();
            throw new MirachException(
                    ErrorCode.MALFORMED,
                    "not a " + type.getSimpleName() + ": " + e.getOriginalMessage(),
                    e);
        } catch (IOException | DataFormatException e) {
            throw new MirachException(
                    ErrorCode.MALFORMED, "not a " + type.getSimpleName() + ": " + e, e);
        } finally {
            body.release();
        }
    }

    private static byte[] inflated(ByteBuf body) throws DataFormatException {
        Body.require(body.readableBytes() > 4, "compressed message is too short");
        long lengthBytes = body.readUnsignedInt();
        Body.require(lengthBytes <= MAX_JSON_BYTES, "compressed message announces " + lengthBytes);
        // Deflate shrinks at most about 1032 times: an announced length beyond that is a lie, and
        // is not allocated for.
        Body.require(
                lengthBytes <= body.readableBytes() * 1040L,
                "compressed message announces " + lengthBytes);
        byte[] json = new byte[(int) lengthBytes];
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(body.nioBuffer());
            int done = 0;
            while (done < json.length) {
                int read = inflater.inflate(json, done, json.length - done);
                Body.require(read > 0, "compressed message is cut short");
                done += read;
            }
            return json;
        } finally {
            inflater.end();
        }
    }
}
