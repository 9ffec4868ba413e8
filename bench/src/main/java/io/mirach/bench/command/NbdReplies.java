package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Requests and their replies in NBD's transmission phase. A read's data goes from the socket's
 * buffers into one of its own: one copy. Confined to its event loop.
 */
final class NbdReplies extends ChannelInboundHandlerAdapter {
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    private static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;
    private static final int REQUEST_BYTES = 28;
    private static final int SIMPLE_REPLY_BYTES = 16;
    private static final int STRUCTURED_REPLY_BYTES = 20;
    private static final int CMD_READ = 0;
    private static final int CMD_WRITE = 1;
    private static final int CMD_DISC = 2;
    private static final int CMD_FLUSH = 3;
    private static final int CMD_BLOCK_STATUS = 7;
    private static final int FLAG_FUA = 1;
    private static final int REPLY_FLAG_DONE = 1;
    private static final int REPLY_TYPE_BLOCK_STATUS = 5;
    private static final int REPLY_TYPE_ERROR_BIT = 1 << 15;
    private static final int MAX_CHUNK_BYTES = 1 << 20;

    /** A run of one state, as the server tells it. */
    record Status(long lengthBytes, int flags) {}

    private record Pending(int readBytes, CompletableFuture<ByteBuf> reply) {}

    private final LongObjectMap<Pending> pending = new LongObjectHashMap<>();
    private ChannelHandlerContext context;
    private ByteBuf header;
    // The data that is being received, and what it is for.
    private ByteBuf payload;
    private Pending receiving;
    private long cookie;
    private boolean reading;

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
        header = ctx.alloc().buffer(STRUCTURED_REPLY_BYTES, STRUCTURED_REPLY_BYTES);
    }

    /** The caller owns the reply's data. */
    CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return send(CMD_READ, offsetBytes, lengthBytes, lengthBytes);
    }

    /**
     * Takes ownership of the data.
     *
     * @param fua to be durable when it is answered
     */
    CompletableFuture<ByteBuf> write(long offsetBytes, ByteBuf data, boolean fua) {
        if (!context.channel().isActive()) {
            data.release();
            return CompletableFuture.failedFuture(gone());
        }
        CompletableFuture<ByteBuf> reply = register(0);
        context.write(request(CMD_WRITE, fua ? FLAG_FUA : 0, offsetBytes, data.readableBytes()));
        context.write(data);
        flushUnlessReading();
        return reply;
    }

    /** What was answered before this was sent is durable when it is answered. */
    CompletableFuture<ByteBuf> flush() {
        return send(CMD_FLUSH, 0, 0, 0);
    }

    /** Of at most that many bytes; the server may tell less. */
    CompletableFuture<List<Status>> blockStatus(long offsetBytes, int lengthBytes) {
        return send(CMD_BLOCK_STATUS, offsetBytes, lengthBytes, 0).thenApply(NbdReplies::statuses);
    }

    /** Says goodbye. */
    void disconnect() {
        context.writeAndFlush(request(CMD_DISC, 0, 0, 0));
    }

    private CompletableFuture<ByteBuf> send(
            int command, long offsetBytes, int lengthBytes, int readBytes) {
        if (!context.channel().isActive()) {
            return CompletableFuture.failedFuture(gone());
        }
        CompletableFuture<ByteBuf> reply = register(readBytes);
        context.write(request(command, 0, offsetBytes, lengthBytes));
        flushUnlessReading();
        return reply;
    }

    private CompletableFuture<ByteBuf> register(int readBytes) {
        CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
        pending.put(++cookie, new Pending(readBytes, reply));
        return reply;
    }

    private ByteBuf request(int command, int flags, long offsetBytes, int lengthBytes) {
        return context.alloc()
                .directBuffer(REQUEST_BYTES)
                .writeInt(REQUEST_MAGIC)
                .writeShort(flags)
                .writeShort(command)
                .writeLong(cookie)
                .writeLong(offsetBytes)
                .writeInt(lengthBytes);
    }

    /** Replies that arrived together send what follows them together. */
    private void flushUnlessReading() {
        if (!reading) {
            context.flush();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf in = (ByteBuf) message;
        reading = true;
        try {
            while (in.isReadable()) {
                if (payload == null) {
                    readHeader(in);
                } else {
                    payload.writeBytes(in, Math.min(in.readableBytes(), payload.writableBytes()));
                }
                if (payload != null && !payload.isWritable()) {
                    finishPayload();
                }
            }
        } finally {
            in.release();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        reading = false;
        ctx.flush();
    }

    private void readHeader(ByteBuf in) {
        header.writeBytes(in, Math.min(in.readableBytes(), missingHeaderBytes()));
        if (missingHeaderBytes() > 0) {
            return;
        }
        int magic = header.readInt();
        if (magic == SIMPLE_REPLY_MAGIC) {
            int error = header.readInt();
            Pending done = take(header.readLong());
            header.clear();
            if (error != 0) {
                done.reply().completeExceptionally(refused(error));
            } else if (done.readBytes() > 0) {
                receive(done, done.readBytes());
            } else {
                done.reply().complete(context.alloc().buffer(0));
            }
        } else {
            require(magic == STRUCTURED_REPLY_MAGIC, "a reply has another magic");
            structuredReply();
        }
    }

    private int missingHeaderBytes() {
        if (header.readableBytes() < Integer.BYTES) {
            return Integer.BYTES - header.readableBytes();
        }
        int bytes =
                header.getInt(header.readerIndex()) == STRUCTURED_REPLY_MAGIC
                        ? STRUCTURED_REPLY_BYTES
                        : SIMPLE_REPLY_BYTES;
        return bytes - header.readableBytes();
    }

    private void structuredReply() {
        int flags = header.readShort();
        int type = header.readShort();
        Pending done = take(header.readLong());
        int bytes = header.readInt();
        header.clear();
        require(bytes >= 0 && bytes <= MAX_CHUNK_BYTES, "a chunk is too long");
        require((flags & REPLY_FLAG_DONE) != 0, "a reply in several chunks was not asked for");
        if ((type & REPLY_TYPE_ERROR_BIT) != 0 || type != REPLY_TYPE_BLOCK_STATUS) {
            done.reply()
                    .completeExceptionally(
                            new MirachException(
                                    ErrorCode.INTERNAL, "the NBD server cannot tell block status"));
            receive(new Pending(bytes, new CompletableFuture<>()), bytes);
        } else {
            receive(done, bytes);
        }
    }

    private void receive(Pending done, int bytes) {
        receiving = done;
        payload = context.alloc().directBuffer(bytes, bytes);
    }

    private void finishPayload() {
        ByteBuf data = payload;
        payload = null;
        if (!receiving.reply().complete(data)) {
            data.release();
        }
    }

    private static List<Status> statuses(ByteBuf data) {
        try {
            data.skipBytes(Integer.BYTES);
            List<Status> statuses = new ArrayList<>();
            while (data.readableBytes() >= 2 * Integer.BYTES) {
                statuses.add(new Status(data.readUnsignedInt(), data.readInt()));
            }
            return statuses;
        } finally {
            data.release();
        }
    }

    private Pending take(long of) {
        Pending found = pending.remove(of);
        require(found != null, "a reply to no request");
        return found;
    }

    private static MirachException refused(int errno) {
        return new MirachException(
                ErrorCode.INTERNAL, "the NBD server answered with errno " + errno);
    }

    private static MirachException gone() {
        return new MirachException(ErrorCode.UNREACHABLE, "the NBD server ended the connection");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new MirachException(
                    ErrorCode.MALFORMED, "the NBD server broke the protocol: " + otherwise);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        failAll(
                cause instanceof MirachException known
                        ? known
                        : new MirachException(
                                ErrorCode.UNREACHABLE, "" + cause.getMessage(), cause));
        ctx.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        failAll(gone());
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        header.release();
        if (payload != null) {
            payload.release();
            payload = null;
        }
        failAll(gone());
    }

    private void failAll(MirachException cause) {
        List<Pending> all = new ArrayList<>(pending.values());
        pending.clear();
        if (payload != null && receiving != null) {
            all.add(receiving);
        }
        all.forEach(waiting -> waiting.reply().completeExceptionally(cause));
    }
}
