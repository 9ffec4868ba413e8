package io.mirach.bench;

import io.mirach.nbd.ExportCatalog;
import io.mirach.nbd.NbdLimits;
import io.mirach.nbd.NbdSession;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;

/**
 * An NBD client joined to a session by Netty's embedded channel: both run on the caller's thread,
 * and a call returns with the reply. Each request reaches the session in one fresh buffer, as a
 * socket would deliver it. Numbers are named as in NBD's protocol document. Not thread-safe.
 */
final class EmbeddedNbdClient implements AutoCloseable {
    private static final long IHAVEOPT = 0x49484156454F5054L;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    private static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;
    private static final int REQUEST_BYTES = 28;
    private static final int GREETING_BYTES = 18;
    private static final int OPTION_REPLY_BYTES = 20;
    private static final int CLIENT_FLAGS = 3; // fixed newstyle, no zeroes
    private static final int OPT_GO = 7;
    private static final int OPT_STRUCTURED_REPLY = 8;
    private static final int REP_ACK = 1;
    private static final int REP_INFO = 3;
    private static final int CMD_READ = 0;
    private static final int CMD_WRITE = 1;
    private static final int CMD_DISC = 2;
    private static final int REPLY_FLAG_DONE = 1;
    private static final int REPLY_TYPE_OFFSET_DATA = 1;

    private final EmbeddedChannel channel;
    private long cookie;

    /** Negotiates until {@code export} is in transmission. */
    EmbeddedNbdClient(ExportCatalog catalog, String export, boolean structuredReplies) {
        NbdLimits limits = NbdLimits.DEFAULT;
        channel =
                new EmbeddedChannel(new NbdSession(catalog, limits, NbdSession.newBudget(limits)));
        channel.runPendingTasks();
        received().skipBytes(GREETING_BYTES);
        channel.writeInbound(Unpooled.buffer().writeInt(CLIENT_FLAGS));
        if (structuredReplies) {
            requireAccepted(option(OPT_STRUCTURED_REPLY, new byte[0]));
        }
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        ByteBuf go = Unpooled.buffer().writeInt(name.length).writeBytes(name).writeShort(0);
        byte[] body = new byte[go.readableBytes()];
        go.readBytes(body);
        requireAccepted(option(OPT_GO, body));
    }

    /** Sends an option and returns all that the session answers. */
    private ByteBuf option(int option, byte[] body) {
        channel.writeInbound(
                Unpooled.buffer()
                        .writeLong(IHAVEOPT)
                        .writeInt(option)
                        .writeInt(body.length)
                        .writeBytes(body));
        return received();
    }

    private static void requireAccepted(ByteBuf replies) {
        int type;
        do {
            require(replies.readableBytes() >= OPTION_REPLY_BYTES, "an option was not answered");
            replies.skipBytes(Long.BYTES + Integer.BYTES);
            type = replies.readInt();
            replies.skipBytes(replies.readInt());
        } while (type == REP_INFO);
        require(type == REP_ACK, "an option was refused");
    }

    /** All that the session has sent, copied together. */
    private ByteBuf received() {
        ByteBuf all = Unpooled.buffer();
        for (ByteBuf out = channel.readOutbound(); out != null; out = channel.readOutbound()) {
            all.writeBytes(out);
            out.release();
        }
        return all;
    }

    /**
     * Writes, and takes the reply.
     *
     * @param data owned by this, as by a socket
     */
    void write(long offsetBytes, ByteBuf data) {
        int lengthBytes = data.readableBytes();
        try {
            channel.writeInbound(
                    request(CMD_WRITE, offsetBytes, lengthBytes, lengthBytes).writeBytes(data));
        } finally {
            data.release();
        }
        ByteBuf reply = channel.readOutbound();
        require(reply != null, "a write was not answered");
        try {
            requireSimpleSuccess(reply);
        } finally {
            reply.release();
        }
    }

    /** Reads; the caller owns the buffer, which the session gave to its channel. */
    ByteBuf read(long offsetBytes, int lengthBytes) {
        channel.writeInbound(request(CMD_READ, offsetBytes, lengthBytes, 0));
        ByteBuf header = channel.readOutbound();
        require(header != null, "a read was not answered");
        try {
            if (header.getInt(header.readerIndex()) == SIMPLE_REPLY_MAGIC) {
                requireSimpleSuccess(header);
            } else {
                requireData(header, offsetBytes, lengthBytes);
            }
            require(!header.isReadable(), "a reply's data is not in a buffer of its own");
        } finally {
            header.release();
        }
        ByteBuf data = channel.readOutbound();
        require(data != null, "a read's reply has no data");
        return data;
    }

    private ByteBuf request(int type, long offsetBytes, int lengthBytes, int payloadBytes) {
        return channel.alloc()
                .directBuffer(REQUEST_BYTES + payloadBytes)
                .writeInt(REQUEST_MAGIC)
                .writeShort(0)
                .writeShort(type)
                .writeLong(++cookie)
                .writeLong(offsetBytes)
                .writeInt(lengthBytes);
    }

    private void requireSimpleSuccess(ByteBuf reply) {
        require(reply.readInt() == SIMPLE_REPLY_MAGIC, "a reply of another kind");
        require(reply.readInt() == 0, "a request failed");
        require(reply.readLong() == cookie, "the reply to another request");
    }

    private void requireData(ByteBuf reply, long offsetBytes, int lengthBytes) {
        require(reply.readInt() == STRUCTURED_REPLY_MAGIC, "a reply of another kind");
        require(reply.readShort() == REPLY_FLAG_DONE, "a reply in more than one chunk");
        require(reply.readShort() == REPLY_TYPE_OFFSET_DATA, "a read failed");
        require(reply.readLong() == cookie, "the reply to another request");
        require(reply.readInt() == Long.BYTES + lengthBytes, "a reply of another length");
        require(reply.readLong() == offsetBytes, "data from another offset");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    /** Says goodbye; the session closes its channel. */
    @Override
    public void close() {
        channel.writeInbound(request(CMD_DISC, 0, 0, 0));
        require(!channel.isOpen(), "the session did not end");
        channel.finishAndReleaseAll();
    }
}
