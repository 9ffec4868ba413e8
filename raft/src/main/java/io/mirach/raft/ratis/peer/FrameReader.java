package io.mirach.raft.ratis.peer;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.net.ProtocolException;

/**
 * Cuts what a connection receives into {@link PeerFrame}s. A body goes from the socket's buffer
 * straight into the array in which it stays. What is no frame closes the connection.
 */
abstract class FrameReader extends ChannelInboundHandlerAdapter {
    // A greeting, before the other side is known.
    private static final int FIRST_BODY_BYTES = 1024;

    private final byte[] header = new byte[PeerFrame.HEADER_BYTES];
    private int maxBodyBytes = FIRST_BODY_BYTES;
    private int headerRead;
    private byte[] body;
    private int bodyRead;
    private ChannelHandlerContext context;

    /** One whole frame. A failure closes the connection. */
    abstract void frame(ChannelHandlerContext context, byte kind, long call, byte[] body)
            throws IOException;

    /** Something went wrong: closes the connection. */
    @Override
    public abstract void exceptionCaught(ChannelHandlerContext context, Throwable cause);

    /** The other side has said who it is: larger frames may come. */
    final void allow(int maxBodyBytes) {
        this.maxBodyBytes = maxBodyBytes;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext added) {
        context = added;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf in = (ByteBuf) message;
        try {
            while (in.isReadable() && context.channel().isActive()) {
                read(in);
            }
        } catch (IOException | RuntimeException e) {
            exceptionCaught(context, e);
        } finally {
            in.release();
        }
    }

    private void read(ByteBuf in) throws IOException {
        if (body == null) {
            int count = Math.min(in.readableBytes(), header.length - headerRead);
            in.readBytes(header, headerRead, count);
            headerRead += count;
            if (headerRead < header.length) {
                return;
            }
            body = new byte[bodyBytes()];
            bodyRead = 0;
        }
        int count = Math.min(in.readableBytes(), body.length - bodyRead);
        in.readBytes(body, bodyRead, count);
        bodyRead += count;
        if (bodyRead == body.length) {
            byte[] whole = body;
            body = null;
            headerRead = 0;
            frame(context, header[4], number(5, 8), whole);
        }
    }

    private int bodyBytes() throws IOException {
        long length = number(0, 4) - (PeerFrame.HEADER_BYTES - 4);
        if (length < 0 || length > maxBodyBytes) {
            throw new ProtocolException("a frame with a body of " + length + " bytes");
        }
        return (int) length;
    }

    private long number(int from, int bytes) {
        long number = 0;
        for (int i = from; i < from + bytes; i++) {
            number = number << 8 | header[i] & 0xff;
        }
        return number;
    }
}
