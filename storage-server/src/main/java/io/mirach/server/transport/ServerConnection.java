package io.mirach.server.transport;

import io.mirach.client.transport.WriteBatch;
import io.mirach.protocol.BrokenFrame;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.ErrorReplyCodec;
import io.mirach.protocol.Frame;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.Hello;
import io.mirach.protocol.data.ReadRequestCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import java.io.IOException;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server's side of one connection: gives requests to their handlers, writes replies in the
 * order in which they become ready, many with one flush, and stops reading while too much of this
 * peer is in memory. Reads and writes for which the node has no memory are refused. Confined to the
 * channel's event loop, but for {@link #reply}.
 */
final class ServerConnection extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(ServerConnection.class);

    /** An answer on its way out; {@code chargedBytes} were charged when its request was read. */
    private record Reply(
            int opcode, long requestId, long chargedBytes, ErrorCode error, ByteBuf body) {}

    private final Channel channel;
    private final NativeServerConfig config;
    private final RequestRoutes routes;
    private final RequestMemory memory;
    private final WriteBatch<Reply> outbox;
    private String peer = "";
    private boolean greeted;
    private boolean closing;
    private long bytesInFlight;
    private int requestsInFlight;
    // Of replies, since the connection was made.
    private long enqueuedBytes;
    private long sentBytesSeen;
    private boolean watchingPeer;

    // Of the replies written since the last flush.
    private ChannelFuture lastWritten;
    private long writtenBytes;

    ServerConnection(
            Channel channel,
            NativeServerConfig config,
            RequestRoutes routes,
            RequestMemory memory) {
        this.channel = channel;
        this.config = config;
        this.routes = routes;
        this.memory = memory;
        this.outbox =
                new WriteBatch<>(
                        channel.eventLoop(),
                        this::write,
                        this::flush,
                        reply -> reply.body().release());
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        ctx.executor()
                .schedule(
                        () -> {
                            if (!greeted) {
                                channel.close();
                            }
                        },
                        config.helloTimeout().toMillis(),
                        TimeUnit.MILLISECONDS);
        ctx.fireChannelActive();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        Frame frame = (Frame) message;
        if (closing) {
            frame.body().release();
            return;
        }
        if (frame.reply()) {
            frame.body().release();
            channel.close();
            return;
        }
        long charge = frame.body().readableBytes();
        if (frame.opcode() == Opcode.READ.number()) {
            charge += ReadRequestCodec.replyBytesAtMost(frame.body());
        }
        charge(charge);
        requestsInFlight++;
        regulate();
        answer(frame, charge);
    }

    private void answer(Frame frame, long charge) {
        if (frame.opcode() == Opcode.HELLO.number()) {
            hello(frame, charge);
            return;
        }
        if (!greeted) {
            frame.body().release();
            refuseAndClose(
                    frame, charge, new MirachException(ErrorCode.MALFORMED, "HELLO comes first"));
            return;
        }
        if (frame.opcode() == Opcode.PING.number()) {
            frame.body().release();
            reply(frame, charge, Unpooled.EMPTY_BUFFER);
            return;
        }
        if (isData(frame.opcode()) && !memory.admits(bytesInFlight, charge)) {
            frame.body().release();
            refuse(
                    frame,
                    charge,
                    new MirachException(
                            ErrorCode.BACK_PRESSURED, "too many requests are in memory"));
            return;
        }
        Optional<RequestHandler> handler = routes.handlerOf(frame.opcode());
        if (handler.isEmpty()) {
            frame.body().release();
            refuse(
                    frame,
                    charge,
                    new MirachException(
                            ErrorCode.UNSUPPORTED_VERSION,
                            "this node does not serve opcode " + frame.opcode()));
            return;
        }
        CompletableFuture<ByteBuf> answer;
        try {
            answer = handler.get().handle(frame.body());
        } catch (RuntimeException e) {
            refuse(frame, charge, e);
            return;
        }
        answer.whenComplete(
                (body, failure) -> {
                    if (failure != null) {
                        refuse(frame, charge, failure);
                    } else if (body == null) {
                        refuse(frame, charge, new IllegalStateException("reply without a body"));
                    } else {
                        reply(frame, charge, body);
                    }
                });
    }

    /**
     * Whether it may be large and its sender waits and tries again: all others keep the node going.
     */
    private static boolean isData(int opcode) {
        return opcode == Opcode.WRITE.number() || opcode == Opcode.READ.number();
    }

    private void charge(long change) {
        bytesInFlight += change;
        memory.add(change);
    }

    private void hello(Frame frame, long charge) {
        Hello theirs;
        try {
            theirs = JsonBody.decode(frame.body(), Hello.class);
        } catch (MirachException e) {
            refuseAndClose(frame, charge, e);
            return;
        }
        Hello ours = routes.hello();
        if (theirs.protocolVersion() != Frame.PROTOCOL_VERSION) {
            refuseAndClose(
                    frame,
                    charge,
                    new MirachException(
                            ErrorCode.UNSUPPORTED_VERSION,
                            "protocol version "
                                    + theirs.protocolVersion()
                                    + "; this node speaks "
                                    + Frame.PROTOCOL_VERSION));
            return;
        }
        Optional<UUID> expected = theirs.clusterId();
        if (expected.isPresent()
                && ours.clusterId().isPresent()
                && !expected.equals(ours.clusterId())) {
            refuseAndClose(
                    frame,
                    charge,
                    new MirachException(
                            ErrorCode.WRONG_CLUSTER,
                            "this node belongs to cluster "
                                    + ours.clusterId().get()
                                    + ", not "
                                    + expected.get()));
            return;
        }
        greeted = true;
        peer = theirs.from();
        reply(frame, charge, JsonBody.encode(ours, channel.alloc()));
    }

    // --- any thread ---

    private void reply(Frame request, long charge, ByteBuf body) {
        outbox.add(new Reply(request.opcode(), request.requestId(), charge, ErrorCode.OK, body));
    }

    private void refuse(Frame request, long charge, Throwable failure) {
        MirachException e = refusal(request, failure);
        ByteBuf body = ErrorReplyCodec.encode(e, channel.alloc());
        outbox.add(new Reply(request.opcode(), request.requestId(), charge, e.code(), body));
    }

    private MirachException refusal(Frame request, Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null
                        ? failure.getCause()
                        : failure;
        if (cause instanceof MirachException e) {
            if (e.code() != ErrorCode.OK) {
                return e;
            }
            cause = new IllegalStateException("failed with OK", e);
        }
        LOG.error("opcode {} of {} failed", request.opcode(), peer, cause);
        return new MirachException(ErrorCode.INTERNAL, "internal error; see this node's log");
    }

    // --- on the event loop ---

    private void refuseAndClose(Frame request, long charge, MirachException e) {
        closing = true;
        refuse(request, charge, e);
    }

    private void write(Reply reply) {
        long size = reply.body().readableBytes();
        // From now on what waits to be sent is charged, and no longer what was asked for.
        charge(size - reply.chargedBytes());
        requestsInFlight--;
        if (size > Frame.MAX_BODY_BYTES) {
            LOG.error("reply of {} bytes to opcode {} fits no frame", size, reply.opcode());
            reply.body().release();
            charge(-size);
            write(tooLarge(reply));
            return;
        }
        writtenBytes += size;
        enqueuedBytes += size;
        lastWritten =
                Frame.writeReply(
                        channel,
                        channel.alloc(),
                        reply.opcode(),
                        reply.requestId(),
                        reply.error(),
                        reply.body());
    }

    private Reply tooLarge(Reply reply) {
        requestsInFlight++;
        MirachException e =
                new MirachException(ErrorCode.FRAME_TOO_LARGE, "the reply fits no frame");
        ByteBuf body = ErrorReplyCodec.encode(e, channel.alloc());
        return new Reply(reply.opcode(), reply.requestId(), 0, e.code(), body);
    }

    private void flush() {
        long sent = writtenBytes;
        writtenBytes = 0;
        // One listener for the batch: what was written before has left the memory when its last
        // reply has.
        lastWritten.addListener(
                done -> {
                    charge(-sent);
                    regulate();
                });
        if (closing) {
            lastWritten.addListener(ChannelFutureListener.CLOSE);
        }
        channel.flush();
        watchPeer();
    }

    /** A peer that is stopped, or lost without a word, must not hold the node's memory. */
    private void watchPeer() {
        if (watchingPeer || pendingBytes() == 0) {
            return;
        }
        watchingPeer = true;
        sentBytesSeen = enqueuedBytes - pendingBytes();
        channel.eventLoop()
                .schedule(
                        this::closeIfStalled,
                        config.stallTimeout().toMillis(),
                        TimeUnit.MILLISECONDS);
    }

    private void closeIfStalled() {
        watchingPeer = false;
        long pending = pendingBytes();
        if (pending > 0 && enqueuedBytes - pending <= sentBytesSeen) {
            LOG.warn(
                    "closing {} {}: it took none of {} bytes for {} s",
                    channel.remoteAddress(),
                    peer,
                    pending,
                    config.stallTimeout().toSeconds());
            channel.close();
            return;
        }
        watchPeer();
    }

    /** Written and not taken by the socket; with the frames' headers, so rather too many. */
    private long pendingBytes() {
        ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
        return buffer == null ? 0 : buffer.totalPendingWriteBytes();
    }

    /** Stops reading above the limits, reads on below half of them. */
    private void regulate() {
        boolean reading = channel.config().isAutoRead();
        if (reading
                && (bytesInFlight > config.maxBytesInFlight()
                        || requestsInFlight > config.maxRequestsInFlight())) {
            channel.config().setAutoRead(false);
        } else if (!reading
                && bytesInFlight <= config.maxBytesInFlight() / 2
                && requestsInFlight <= config.maxRequestsInFlight() / 2) {
            channel.config().setAutoRead(true);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (!(event instanceof BrokenFrame broken)) {
            ctx.fireUserEventTriggered(event);
            return;
        }
        LOG.warn(
                "closing {} {}: {} {}",
                channel.remoteAddress(),
                peer,
                broken.code(),
                broken.detail());
        if (closing || broken.requestId().isEmpty()) {
            channel.close();
            return;
        }
        requestsInFlight++;
        refuseAndClose(
                new Frame(
                        false,
                        broken.opcode(),
                        broken.requestId().getAsLong(),
                        0,
                        Unpooled.EMPTY_BUFFER),
                0,
                broken.toException());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException) {
            LOG.debug("connection of {} {} lost", channel.remoteAddress(), peer, cause);
        } else {
            LOG.error("connection of {} {} failed", channel.remoteAddress(), peer, cause);
        }
        channel.close();
    }
}
