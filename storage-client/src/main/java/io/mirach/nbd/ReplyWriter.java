package io.mirach.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import java.nio.charset.StandardCharsets;
import java.util.function.IntConsumer;

/**
 * Writes replies of the transmission phase. Headers and replies without payload are gathered in one
 * buffer until {@link #flush} or until a payload follows, which goes out uncopied behind it.
 */
// Confined to the session's event loop.
final class ReplyWriter {
    private static final int BATCH_BYTES = 4096;

    /** The longest that is appended to a batch: an error with its message. */
    private static final int MAX_REPLY_BYTES =
            NbdProtocol.STRUCTURED_REPLY_BYTES + 6 + NbdProtocol.MAX_STRING_BYTES;

    private final ChannelHandlerContext ctx;
    private final boolean structuredReplies;
    private final IntConsumer onSent;
    private ByteBuf batch;
    private int batchReplies;
    private boolean unflushed;

    /**
     * @param onSent told how many replies have left for the socket, or were lost with it
     */
    ReplyWriter(ChannelHandlerContext ctx, boolean structuredReplies, IntConsumer onSent) {
        this.ctx = ctx;
        this.structuredReplies = structuredReplies;
        this.onSent = onSent;
    }

    /** Success of a request whose reply has no payload. */
    void done(Request request) {
        simpleHeader(request.cookie, NbdErrno.OK);
        batchReplies++;
    }

    /**
     * Success of a READ. Takes ownership of the data.
     *
     * @param onDataSent called when the data has left for the socket, or was lost with it
     */
    void data(Request request, ByteBuf data, Runnable onDataSent) {
        int lengthBytes = data.readableBytes();
        if (!structuredReplies) {
            simpleHeader(request.cookie, NbdErrno.OK);
        } else if (lengthBytes == 0) {
            // A content chunk describes at least one byte.
            chunkHeader(request.cookie, NbdProtocol.REPLY_TYPE_NONE, 0);
        } else {
            chunkHeader(request.cookie, NbdProtocol.REPLY_TYPE_OFFSET_DATA, 8 + lengthBytes)
                    .writeLong(request.offsetBytes);
        }
        payload(data, onDataSent);
    }

    /** Success of a BLOCK_STATUS. Takes ownership of the context id and descriptors. */
    void blockStatus(Request request, ByteBuf payload, Runnable onPayloadSent) {
        chunkHeader(request.cookie, NbdProtocol.REPLY_TYPE_BLOCK_STATUS, payload.readableBytes());
        payload(payload, onPayloadSent);
    }

    /** Failure of any request; the message reaches clients that agreed on structured replies. */
    void error(Request request, NbdErrno errno, String message) {
        if (structuredReplies) {
            byte[] text = message.getBytes(StandardCharsets.UTF_8);
            int textBytes = Math.min(text.length, NbdProtocol.MAX_STRING_BYTES);
            chunkHeader(request.cookie, NbdProtocol.REPLY_TYPE_ERROR, 6 + textBytes)
                    .writeInt(errno.number())
                    .writeShort(textBytes)
                    .writeBytes(text, 0, textBytes);
        } else {
            simpleHeader(request.cookie, errno);
        }
        batchReplies++;
    }

    void flush() {
        writeBatch();
        if (unflushed) {
            unflushed = false;
            ctx.flush();
        }
    }

    /** Drops what was not handed to the channel. */
    void release() {
        if (batch != null) {
            batch.release();
            batch = null;
            onSent.accept(takeBatchReplies());
        }
    }

    private void simpleHeader(long cookie, NbdErrno errno) {
        batch().writeInt(NbdProtocol.SIMPLE_REPLY_MAGIC).writeInt(errno.number()).writeLong(cookie);
    }

    private ByteBuf chunkHeader(long cookie, int chunkType, int payloadBytes) {
        return batch().writeInt(NbdProtocol.STRUCTURED_REPLY_MAGIC)
                .writeShort(NbdProtocol.REPLY_FLAG_DONE)
                .writeShort(chunkType)
                .writeLong(cookie)
                .writeInt(payloadBytes);
    }

    private ByteBuf batch() {
        if (batch != null && batch.readableBytes() >= BATCH_BYTES) {
            writeBatch();
        }
        if (batch == null) {
            batch = ctx.alloc().buffer(256, BATCH_BYTES + MAX_REPLY_BYTES);
        }
        return batch;
    }

    private void payload(ByteBuf payload, Runnable onPayloadSent) {
        writeBatch();
        unflushed = true;
        ctx.write(payload)
                .addListener(
                        sent -> {
                            onPayloadSent.run();
                            onSent.accept(1);
                            closeOnFailure(sent.isSuccess());
                        });
    }

    private void writeBatch() {
        if (batch == null) {
            return;
        }
        ByteBuf full = batch;
        batch = null;
        int replies = takeBatchReplies();
        unflushed = true;
        ctx.write(full)
                .addListener(
                        sent -> {
                            onSent.accept(replies);
                            closeOnFailure(sent.isSuccess());
                        });
    }

    private int takeBatchReplies() {
        int replies = batchReplies;
        batchReplies = 0;
        return replies;
    }

    private void closeOnFailure(boolean sent) {
        // A reply that was lost leaves the stream out of step.
        Channel channel = ctx.channel();
        if (!sent && channel.isOpen()) {
            channel.close();
        }
    }
}
