package io.mirach.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOutboundInvoker;
import java.util.Objects;

/**
 * One message of the native protocol. On the wire, big-endian:
 *
 * <pre>
 * u32 length      bytes that follow this field
 * u8  version     {@link #PROTOCOL_VERSION}
 * u8  flags       bit 0: reply
 * u16 opcode      {@link Opcode#number}
 * u64 request id  chosen by the asker, unique among its requests in flight on the connection
 * u16 error       replies only: {@link ErrorCode#number}, 0 = OK
 * ... body        see the message's codec; with an error: {@link ErrorReplyCodec}
 * </pre>
 *
 * Replies come in any order. Numbers are kept as read: whoever handles the frame decides what an
 * unknown opcode means.
 *
 * @param opcode as read
 * @param error as read; 0 in requests
 * @param body owned by whoever holds the frame
 */
public record Frame(boolean reply, int opcode, long requestId, int error, ByteBuf body) {
    /** The version of the frame's layout and of the meaning of opcodes. */
    public static final int PROTOCOL_VERSION = 1;

    /** The longest body: 1 MiB of payload and 64 KiB for what describes it. */
    public static final int MAX_BODY_BYTES = (1 << 20) + (64 << 10);

    /** Bytes before a request's body. */
    public static final int REQUEST_HEADER_BYTES = 16;

    /** Bytes before a reply's body. */
    public static final int REPLY_HEADER_BYTES = 18;

    static final int LENGTH_FIELD_BYTES = 4;
    static final int FLAG_REPLY = 1;

    // A short body is copied behind its header: one entry in the outbound queue instead of two.
    private static final int COPY_BODY_BYTES = 256;

    public Frame {
        Objects.requireNonNull(body, "body");
    }

    /**
     * Writes a request without flushing, on the channel's event loop. Takes ownership of {@code
     * body}. A body longer than {@link #MAX_BODY_BYTES} fails with FRAME_TOO_LARGE; nothing is
     * written then. Completes once the frame is in the socket, or fails.
     */
    public static ChannelFuture writeRequest(
            ChannelOutboundInvoker out,
            ByteBufAllocator allocator,
            Opcode opcode,
            long requestId,
            ByteBuf body) {
        checkLength(body);
        ByteBuf header = allocator.directBuffer(headroom(REQUEST_HEADER_BYTES, body));
        header.writeInt(REQUEST_HEADER_BYTES - LENGTH_FIELD_BYTES + body.readableBytes())
                .writeByte(PROTOCOL_VERSION)
                .writeByte(0)
                .writeShort(opcode.number())
                .writeLong(requestId);
        return writeBehind(header, body, out);
    }

    /** Writes a reply without flushing; otherwise as {@link #writeRequest}. */
    public static ChannelFuture writeReply(
            ChannelOutboundInvoker out,
            ByteBufAllocator allocator,
            int opcode,
            long requestId,
            ErrorCode error,
            ByteBuf body) {
        checkLength(body);
        ByteBuf header = allocator.directBuffer(headroom(REPLY_HEADER_BYTES, body));
        header.writeInt(REPLY_HEADER_BYTES - LENGTH_FIELD_BYTES + body.readableBytes())
                .writeByte(PROTOCOL_VERSION)
                .writeByte(FLAG_REPLY)
                .writeShort(opcode)
                .writeLong(requestId)
                .writeShort(error.number());
        return writeBehind(header, body, out);
    }

    private static int headroom(int headerBytes, ByteBuf body) {
        int bodyBytes = body.readableBytes();
        return bodyBytes <= COPY_BODY_BYTES ? headerBytes + bodyBytes : headerBytes;
    }

    private static ChannelFuture writeBehind(
            ByteBuf header, ByteBuf body, ChannelOutboundInvoker out) {
        if (body.readableBytes() <= COPY_BODY_BYTES) {
            header.writeBytes(body);
            body.release();
            return out.write(header);
        }
        out.write(header);
        return out.write(body);
    }

    private static void checkLength(ByteBuf body) {
        int lengthBytes = body.readableBytes();
        if (lengthBytes > MAX_BODY_BYTES) {
            body.release();
            throw new MirachException(
                    ErrorCode.FRAME_TOO_LARGE,
                    "a message of " + lengthBytes + " bytes; at most " + MAX_BODY_BYTES);
        }
    }
}
