package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The client's side of NBD's fixed newstyle negotiation, up to transmission; then it leaves the
 * pipeline to {@link NbdReplies}. Confined to its event loop.
 */
final class NbdHandshake extends ByteToMessageDecoder {
    private static final long NBDMAGIC = 0x4e42444d41474943L;
    private static final long IHAVEOPT = 0x49484156454F5054L;
    private static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    private static final int GREETING_BYTES = 18;
    private static final int OPTION_REPLY_BYTES = 20;
    private static final int MAX_REPLY_BYTES = 1 << 16;
    private static final int CLIENT_FLAGS = 3; // fixed newstyle, no zeroes
    private static final int OPT_GO = 7;
    private static final int OPT_STRUCTURED_REPLY = 8;
    private static final int OPT_SET_META_CONTEXT = 10;
    private static final int REP_ACK = 1;
    private static final int REP_META_CONTEXT = 4;
    private static final int REP_INFO = 3;
    private static final int INFO_EXPORT = 0;
    private static final int FLAG_READ_ONLY = 2;
    private static final String ALLOCATION = "base:allocation";

    private final String export;
    private final boolean asksAllocation;
    private final CompletableFuture<Agreed> agreed;
    private boolean greeted;
    private boolean structured;
    private boolean allocation;
    private long sizeBytes = -1;
    private boolean readOnly;

    /**
     * What both sides agreed on.
     *
     * @param allocation whether block status can be asked for
     */
    record Agreed(long sizeBytes, boolean readOnly, boolean allocation) {}

    /**
     * @param asksAllocation ask for structured replies and the allocation context too, as far as
     *     the server has them
     */
    NbdHandshake(String export, boolean asksAllocation, CompletableFuture<Agreed> agreed) {
        this.export = export;
        this.asksAllocation = asksAllocation;
        this.agreed = agreed;
    }

    @Override
    protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
        if (!greeted) {
            if (in.readableBytes() >= GREETING_BYTES) {
                greet(ctx, in);
            }
            return;
        }
        if (in.readableBytes() < OPTION_REPLY_BYTES) {
            return;
        }
        int dataBytes = in.getInt(in.readerIndex() + OPTION_REPLY_BYTES - Integer.BYTES);
        require(dataBytes >= 0 && dataBytes <= MAX_REPLY_BYTES, "an option reply is too long");
        if (in.readableBytes() < OPTION_REPLY_BYTES + dataBytes) {
            return;
        }
        require(in.readLong() == OPTION_REPLY_MAGIC, "an option reply has another magic");
        int option = in.readInt();
        int type = in.readInt();
        in.skipBytes(Integer.BYTES);
        reply(ctx, option, type, in.readSlice(dataBytes));
    }

    private void greet(ChannelHandlerContext ctx, ByteBuf in) {
        require(
                in.readLong() == NBDMAGIC && in.readLong() == IHAVEOPT,
                "it speaks no newstyle NBD");
        require((in.readShort() & 1) != 0, "it speaks no fixed newstyle NBD");
        greeted = true;
        ctx.write(ctx.alloc().buffer(Integer.BYTES).writeInt(CLIENT_FLAGS));
        if (asksAllocation) {
            sendOption(ctx, OPT_STRUCTURED_REPLY, ctx.alloc().buffer(0));
        } else {
            sendGo(ctx);
        }
    }

    private void reply(ChannelHandlerContext ctx, int option, int type, ByteBuf data) {
        switch (option) {
            case OPT_STRUCTURED_REPLY -> {
                structured = type == REP_ACK;
                if (structured) {
                    sendSetMetaContext(ctx);
                } else {
                    sendGo(ctx);
                }
            }
            case OPT_SET_META_CONTEXT -> {
                if (type == REP_META_CONTEXT) {
                    allocation = true;
                } else {
                    sendGo(ctx);
                }
            }
            case OPT_GO -> go(ctx, type, data);
            default -> throw broken("a reply to an option that was not sent");
        }
    }

    private void go(ChannelHandlerContext ctx, int type, ByteBuf data) {
        if (type == REP_INFO) {
            if (data.readShort() == INFO_EXPORT) {
                sizeBytes = data.readLong();
                readOnly = (data.readShort() & FLAG_READ_ONLY) != 0;
            }
            return;
        }
        if (type != REP_ACK) {
            String message = data.toString(StandardCharsets.UTF_8);
            throw new MirachException(
                            ErrorCode.NO_SUCH_VOLUME,
                            "the NBD server refuses export '"
                                    + export
                                    + "'"
                                    + (message.isEmpty() ? "" : ": " + message))
                    .withRemedy("list what it has with 'nbdinfo --list URI'");
        }
        require(sizeBytes > 0, "it did not tell the export's size");
        ctx.pipeline().remove(this);
        agreed.complete(new Agreed(sizeBytes, readOnly, allocation));
    }

    private void sendSetMetaContext(ChannelHandlerContext ctx) {
        ByteBuf body = ctx.alloc().buffer();
        writeString(body, export);
        body.writeInt(1);
        writeString(body, ALLOCATION);
        sendOption(ctx, OPT_SET_META_CONTEXT, body);
    }

    private void sendGo(ChannelHandlerContext ctx) {
        ByteBuf body = ctx.alloc().buffer();
        writeString(body, export);
        body.writeShort(0);
        sendOption(ctx, OPT_GO, body);
    }

    private static void writeString(ByteBuf out, String text) {
        out.writeInt(ByteBufUtil.utf8Bytes(text));
        out.writeCharSequence(text, StandardCharsets.UTF_8);
    }

    private static void sendOption(ChannelHandlerContext ctx, int option, ByteBuf body) {
        ctx.write(
                ctx.alloc()
                        .buffer()
                        .writeLong(IHAVEOPT)
                        .writeInt(option)
                        .writeInt(body.readableBytes()));
        ctx.writeAndFlush(body);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw broken(otherwise);
        }
    }

    private static MirachException broken(String what) {
        return new MirachException(
                ErrorCode.MALFORMED, "the NBD server broke the protocol: " + what);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        Throwable known = cause.getCause() instanceof MirachException ? cause.getCause() : cause;
        agreed.completeExceptionally(
                known instanceof MirachException
                        ? known
                        : new MirachException(
                                ErrorCode.UNREACHABLE, "" + known.getMessage(), known));
        ctx.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        agreed.completeExceptionally(
                new MirachException(
                        ErrorCode.UNREACHABLE, "the NBD server ended the connection at once"));
        ctx.fireChannelInactive();
    }
}
