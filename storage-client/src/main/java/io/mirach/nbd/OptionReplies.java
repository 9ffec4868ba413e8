package io.mirach.nbd;

import io.mirach.protocol.ErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import java.nio.charset.StandardCharsets;

/** Writes the replies of the handshake; they go out with {@link #flush}. */
// Confined to the session's event loop.
final class OptionReplies {
    private static final int EXPORT_NAME_ZEROES = 124;

    private final ChannelHandlerContext ctx;

    OptionReplies(ChannelHandlerContext ctx) {
        this.ctx = ctx;
    }

    /** How the failure to open an export is told. */
    static int errorOf(ErrorCode code) {
        return switch (code) {
            case NO_SUCH_VOLUME, NO_SUCH_SNAPSHOT -> NbdProtocol.REP_ERR_UNKNOWN;
            case SHUTTING_DOWN -> NbdProtocol.REP_ERR_SHUTDOWN;
            // The protocol has no better word for "not now"; the message says what is the matter.
            default -> NbdProtocol.REP_ERR_POLICY;
        };
    }

    ChannelFuture ack(int option) {
        return ctx.write(header(option, NbdProtocol.REP_ACK, 0));
    }

    void error(int option, int error, String message) {
        byte[] text = message.getBytes(StandardCharsets.UTF_8);
        int textBytes = Math.min(text.length, NbdProtocol.MAX_STRING_BYTES);
        ctx.write(header(option, error, textBytes).writeBytes(text, 0, textBytes));
    }

    void server(int option, ExportDescription export) {
        int nameBytes = ByteBufUtil.utf8Bytes(export.name());
        ByteBuf reply =
                header(
                        option,
                        NbdProtocol.REP_SERVER,
                        4 + nameBytes + ByteBufUtil.utf8Bytes(export.text()));
        reply.writeInt(nameBytes);
        reply.writeCharSequence(export.name(), StandardCharsets.UTF_8);
        reply.writeCharSequence(export.text(), StandardCharsets.UTF_8);
        ctx.write(reply);
    }

    void infoExport(int option, long sizeBytes, int transmissionFlags) {
        ctx.write(
                info(option, NbdProtocol.INFO_EXPORT, 10)
                        .writeLong(sizeBytes)
                        .writeShort(transmissionFlags));
    }

    void infoText(int option, int infoType, String text) {
        ByteBuf reply = info(option, infoType, ByteBufUtil.utf8Bytes(text));
        reply.writeCharSequence(text, StandardCharsets.UTF_8);
        ctx.write(reply);
    }

    void infoBlockSize(int option) {
        ctx.write(
                info(option, NbdProtocol.INFO_BLOCK_SIZE, 12)
                        .writeInt(NbdProtocol.MIN_BLOCK_BYTES)
                        .writeInt(NbdProtocol.PREFERRED_BLOCK_BYTES)
                        .writeInt(NbdProtocol.MAX_PAYLOAD_BYTES));
    }

    void metaContext(int option, int contextId, String name) {
        ByteBuf reply =
                header(option, NbdProtocol.REP_META_CONTEXT, 4 + ByteBufUtil.utf8Bytes(name))
                        .writeInt(contextId);
        reply.writeCharSequence(name, StandardCharsets.UTF_8);
        ctx.write(reply);
    }

    /** The answer to EXPORT_NAME, which has a form of its own. */
    void exportName(ExportDescription export, boolean structuredReplies, boolean noZeroes) {
        ByteBuf reply =
                ctx.alloc()
                        .buffer(10 + EXPORT_NAME_ZEROES)
                        .writeLong(export.sizeBytes())
                        .writeShort(export.transmissionFlags(structuredReplies));
        ctx.write(noZeroes ? reply : reply.writeZero(EXPORT_NAME_ZEROES));
    }

    void flush() {
        ctx.flush();
    }

    private ByteBuf info(int option, int infoType, int payloadBytes) {
        return header(option, NbdProtocol.REP_INFO, 2 + payloadBytes).writeShort(infoType);
    }

    private ByteBuf header(int option, int replyType, int payloadBytes) {
        return ctx.alloc()
                .buffer(20 + payloadBytes)
                .writeLong(NbdProtocol.OPTION_REPLY_MAGIC)
                .writeInt(option)
                .writeInt(replyType)
                .writeInt(payloadBytes);
    }
}
