package io.mirach.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.OptionalLong;

/**
 * Cuts what arrives into {@link Frame}s. A body that lies whole in a received buffer is a retained
 * slice of it; one that spans several is gathered in a buffer of its exact size, so each byte is
 * copied at most once (a growing cumulation would copy a large frame several times). Nothing is
 * allocated for a frame that announces more than {@link Frame#MAX_BODY_BYTES}: a {@link
 * BrokenFrame} is fired instead, and all that follows is discarded.
 *
 * <p>Confined to its channel's event loop; one instance per channel.
 */
public final class FrameDecoder extends ChannelInboundHandlerAdapter {
    // Gathers the header; request headers use its first 16 bytes.
    private final ByteBuf header = Unpooled.buffer(Frame.REPLY_HEADER_BYTES);
    private boolean broken;

    // The frame whose header was read, while its body is incomplete.
    private boolean inBody;
    private boolean reply;
    private int opcode;
    private long requestId;
    private int error;
    private int bodyBytes;
    private ByteBuf body;

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (!(message instanceof ByteBuf in)) {
            ctx.fireChannelRead(message);
            return;
        }
        try {
            while (!broken && in.isReadable()) {
                if (!inBody && !readHeader(ctx, in)) {
                    continue;
                }
                if (!readBody(in)) {
                    continue;
                }
                Frame frame = new Frame(reply, opcode, requestId, error, body);
                body = null;
                inBody = false;
                header.clear();
                ctx.fireChannelRead(frame);
            }
        } finally {
            in.release();
        }
    }

    /** True once the header is whole and sound. Consumes from {@code in} or breaks. */
    private boolean readHeader(ChannelHandlerContext ctx, ByteBuf in) {
        gather(in, Frame.REQUEST_HEADER_BYTES);
        if (header.writerIndex() < Frame.REQUEST_HEADER_BYTES) {
            return false;
        }
        int version = header.getUnsignedByte(4);
        int flags = header.getUnsignedByte(5);
        reply = (flags & Frame.FLAG_REPLY) != 0;
        opcode = header.getUnsignedShort(6);
        requestId = header.getLong(8);
        int headerBytes = reply ? Frame.REPLY_HEADER_BYTES : Frame.REQUEST_HEADER_BYTES;
        long length = header.getUnsignedInt(0) + Frame.LENGTH_FIELD_BYTES - headerBytes;
        if (version != Frame.PROTOCOL_VERSION) {
            return fail(
                    ctx,
                    ErrorCode.UNSUPPORTED_VERSION,
                    "protocol version " + version + "; this side speaks " + Frame.PROTOCOL_VERSION);
        }
        if ((flags & ~Frame.FLAG_REPLY) != 0 || length < 0) {
            return fail(ctx, ErrorCode.MALFORMED, "frame with flags " + flags);
        }
        if (length > Frame.MAX_BODY_BYTES) {
            return fail(
                    ctx,
                    ErrorCode.FRAME_TOO_LARGE,
                    "a message of " + length + " bytes; at most " + Frame.MAX_BODY_BYTES);
        }
        gather(in, headerBytes);
        if (header.writerIndex() < headerBytes) {
            return false;
        }
        error = reply ? header.getUnsignedShort(16) : 0;
        bodyBytes = (int) length;
        inBody = true;
        // An empty body is whole already, though nothing more may arrive.
        return true;
    }

    private void gather(ByteBuf in, int upToBytes) {
        int missing = upToBytes - header.writerIndex();
        if (missing > 0) {
            in.readBytes(header, Math.min(missing, in.readableBytes()));
        }
    }

    /** True once {@link #body} is whole. */
    private boolean readBody(ByteBuf in) {
        if (body == null) {
            if (bodyBytes == 0) {
                body = Unpooled.EMPTY_BUFFER;
                return true;
            }
            if (in.readableBytes() >= bodyBytes) {
                body = in.readRetainedSlice(bodyBytes);
                return true;
            }
            body = in.alloc().directBuffer(bodyBytes, bodyBytes);
        }
        body.writeBytes(in, Math.min(body.writableBytes(), in.readableBytes()));
        return !body.isWritable();
    }

    private boolean fail(ChannelHandlerContext ctx, ErrorCode code, String detail) {
        broken = true;
        OptionalLong id = reply ? OptionalLong.empty() : OptionalLong.of(requestId);
        ctx.fireUserEventTriggered(new BrokenFrame(code, detail, opcode, id));
        return false;
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        dropPartial();
        ctx.fireChannelInactive();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        dropPartial();
    }

    private void dropPartial() {
        broken = true;
        if (body != null) {
            body.release();
            body = null;
        }
    }
}
