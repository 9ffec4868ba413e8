package io.mirach.client.transport;

import io.mirach.protocol.BrokenFrame;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.ErrorReplyCodec;
import io.mirach.protocol.Frame;
import io.mirach.protocol.FrameDecoder;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.mirach.protocol.cluster.Hello;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.util.collection.LongObjectHashMap;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to one node, with many requests in flight. Once closed it stays so. {@link
 * #request}, {@link #close} and the counters may be used by any thread; all else is confined to the
 * connection's event loop.
 */
final class NodeConnection {
    private static final Logger LOG = LoggerFactory.getLogger(NodeConnection.class);
    private static final long TICK_MS = 100;
    private static final long HELLO_ID = 0;
    private static final long PING_ID = 1;
    private static final long FIRST_ID = 2;

    /** A request, from its admission to its end. */
    private static final class Call {
        final Opcode opcode;
        final int bodyBytes;
        final long deadlineNanos;
        final CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
        // Until it is written.
        private ByteBuf body;

        Call(Opcode opcode, ByteBuf body, long deadlineNanos) {
            this.opcode = opcode;
            this.body = body;
            this.bodyBytes = body.readableBytes();
            this.deadlineNanos = deadlineNanos;
        }

        ByteBuf takeBody() {
            ByteBuf taken = body;
            body = null;
            return taken;
        }

        void dropBody() {
            if (body != null) {
                takeBody().release();
            }
        }
    }

    private final NodeAddress address;
    private final TransportConfig config;
    private final String self;
    private final Supplier<Optional<UUID>> clusterId;
    private final EventLoop loop;
    private final WriteBatch<Call> outbox;
    private final AtomicInteger requestsInFlight = new AtomicInteger();
    private final AtomicLong bytesInFlight = new AtomicLong();

    private final LongObjectHashMap<Call> pending = new LongObjectHashMap<>();
    private final Deque<Call> untilGreeted = new ArrayDeque<>();
    private Channel channel;
    private long nextId = FIRST_ID;
    private long lastReceivedNanos;
    private long pingSentNanos;
    private boolean pingOut;
    private boolean ticking;

    private volatile boolean greeted;
    // Why it closed; set once.
    private volatile MirachException closedBy;

    NodeConnection(
            NodeAddress address,
            TransportConfig config,
            String self,
            Supplier<Optional<UUID>> clusterId,
            EventLoop loop) {
        this.address = address;
        this.config = config;
        this.self = self;
        this.clusterId = clusterId;
        this.loop = loop;
        this.outbox = new WriteBatch<>(loop, this::send, this::flush, this::refuse);
    }

    /** Why it closed; empty while open or opening. */
    Optional<MirachException> closedBy() {
        return Optional.ofNullable(closedBy);
    }

    /** Whether the peer ever answered HELLO. */
    boolean wasGreeted() {
        return greeted;
    }

    /** See {@link NodeConnections#request}. */
    CompletableFuture<ByteBuf> request(Opcode opcode, ByteBuf body, Duration timeout) {
        Call call = new Call(opcode, body, System.nanoTime() + timeout.toNanos());
        int requests = requestsInFlight.incrementAndGet();
        long bytes = bytesInFlight.addAndGet(call.bodyBytes);
        if (requests > config.maxRequestsInFlight() || bytes > config.maxBytesInFlight()) {
            fail(
                    call,
                    new MirachException(
                            ErrorCode.BACK_PRESSURED,
                            "too much in flight to " + address + " already"));
        } else {
            outbox.add(call);
        }
        return call.reply;
    }

    void open(Class<? extends Channel> channelClass, InetSocketAddress resolved) {
        ChannelFuture connecting =
                new Bootstrap()
                        .group(loop)
                        .channel(channelClass)
                        .option(ChannelOption.TCP_NODELAY, true)
                        .option(ChannelOption.SO_KEEPALIVE, true)
                        .option(
                                ChannelOption.CONNECT_TIMEOUT_MILLIS,
                                (int) config.connectTimeout().toMillis())
                        .handler(
                                new ChannelInitializer<>() {
                                    @Override
                                    protected void initChannel(Channel opened) {
                                        opened.pipeline()
                                                .addLast(new FrameDecoder())
                                                .addLast(new Receiver());
                                    }
                                })
                        .connect(resolved);
        connecting.addListener(
                done -> {
                    if (done.isSuccess()) {
                        greet(connecting.channel());
                    } else {
                        closed(unreachable("cannot connect: " + done.cause().getMessage()));
                    }
                });
    }

    private void greet(Channel opened) {
        channel = opened;
        lastReceivedNanos = System.nanoTime();
        if (closedBy != null) {
            opened.close();
            return;
        }
        Hello hello = new Hello(Frame.PROTOCOL_VERSION, clusterId.get(), self);
        Frame.writeRequest(
                opened,
                opened.alloc(),
                Opcode.HELLO,
                HELLO_ID,
                JsonBody.encode(hello, opened.alloc()));
        opened.flush();
        loop.schedule(
                () -> {
                    if (!greeted) {
                        closed(unreachable("no answer to HELLO"));
                    }
                },
                config.connectTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
    }

    /** Ends the connection; what is in flight fails with {@code cause}. Any thread. */
    void close(MirachException cause) {
        if (loop.inEventLoop()) {
            closed(cause);
        } else if (loop.isShuttingDown()) {
            // The loop closes its channels; their requests fail by channelInactive.
            LOG.debug("{}: event loop is ending", address);
        } else {
            loop.execute(() -> closed(cause));
        }
    }

    private MirachException unreachable(String detail) {
        return new MirachException(ErrorCode.UNREACHABLE, address + ": " + detail);
    }

    // --- on the event loop ---

    private void send(Call call) {
        if (closedBy != null) {
            fail(call, closedBy);
        } else if (!greeted) {
            untilGreeted.add(call);
        } else if (call.reply.isDone()) {
            // Given up by the one who asked, before anything was sent.
            fail(call, unreachable("cancelled"));
        } else {
            write(call);
        }
    }

    private void write(Call call) {
        long id = nextId++;
        pending.put(id, call);
        try {
            Frame.writeRequest(channel, channel.alloc(), call.opcode, id, call.takeBody());
        } catch (MirachException tooLarge) {
            pending.remove(id);
            fail(call, tooLarge);
            return;
        }
        if (!ticking) {
            ticking = true;
            loop.schedule(this::tick, TICK_MS, TimeUnit.MILLISECONDS);
        }
    }

    private void flush() {
        if (channel != null) {
            channel.flush();
        }
    }

    private void refuse(Call call) {
        fail(call, unreachable("event loop has ended"));
    }

    private void fail(Call call, MirachException cause) {
        call.dropBody();
        release(call);
        call.reply.completeExceptionally(cause);
    }

    private void release(Call call) {
        requestsInFlight.decrementAndGet();
        bytesInFlight.addAndGet(-call.bodyBytes);
    }

    /** Runs while requests are in flight: ends those that are overdue, and looks for life. */
    private void tick() {
        if (closedBy != null) {
            return;
        }
        long now = System.nanoTime();
        for (Iterator<Call> calls = pending.values().iterator(); calls.hasNext(); ) {
            Call call = calls.next();
            if (call.deadlineNanos - now <= 0) {
                calls.remove();
                String detail = address + ": no answer to " + call.opcode;
                fail(call, new MirachException(ErrorCode.TIMEOUT, detail));
            }
        }
        if (pending.isEmpty()) {
            ticking = false;
            pingOut = false;
            return;
        }
        if (pingOut && lastReceivedNanos - pingSentNanos >= 0) {
            pingOut = false;
        }
        if (pingOut && now - pingSentNanos > config.deadAfter().toNanos()) {
            closed(unreachable("silent for " + config.deadAfter().toMillis() + " ms"));
            return;
        }
        if (!pingOut && now - lastReceivedNanos > config.pingAfter().toNanos()) {
            pingOut = true;
            pingSentNanos = now;
            Frame.writeRequest(
                    channel, channel.alloc(), Opcode.PING, PING_ID, Unpooled.EMPTY_BUFFER);
            channel.flush();
        }
        loop.schedule(this::tick, TICK_MS, TimeUnit.MILLISECONDS);
    }

    private void closed(MirachException cause) {
        if (closedBy != null) {
            return;
        }
        closedBy = cause;
        LOG.debug("connection to {} closed: {}", address, cause.getMessage());
        if (channel != null) {
            channel.close();
        }
        // Completing a reply may issue the next request, which finds the connection closed.
        for (Call call = untilGreeted.poll(); call != null; call = untilGreeted.poll()) {
            fail(call, cause);
        }
        Call[] calls = pending.values().toArray(new Call[0]);
        pending.clear();
        for (Call call : calls) {
            fail(call, cause);
        }
    }

    private void greeted(Frame frame) {
        if (frame.error() != 0) {
            MirachException refusal = ErrorReplyCodec.decode(frame.error(), frame.body());
            closed(new MirachException(refusal.code(), address + ": " + refusal.getMessage()));
            return;
        }
        Hello hello = JsonBody.decode(frame.body(), Hello.class);
        Optional<UUID> expected = clusterId.get();
        if (expected.isPresent() && !expected.equals(hello.clusterId())) {
            closed(
                    hello.clusterId().isEmpty()
                            ? new MirachException(
                                    ErrorCode.NOT_INITIALISED,
                                    address + ": this node belongs to no cluster yet")
                            : new MirachException(
                                    ErrorCode.WRONG_CLUSTER,
                                    address
                                            + ": this node belongs to cluster "
                                            + hello.clusterId().get()
                                            + ", not "
                                            + expected.get()));
            return;
        }
        greeted = true;
        for (Call call = untilGreeted.poll(); call != null; call = untilGreeted.poll()) {
            write(call);
        }
        channel.flush();
    }

    private void received(Frame frame) {
        if (!frame.reply()) {
            frame.body().release();
            closed(unreachable("sent a request to a client"));
            return;
        }
        if (frame.requestId() == HELLO_ID && !greeted) {
            greeted(frame);
            return;
        }
        Call call = pending.remove(frame.requestId());
        if (call == null) {
            // The answer to a PING, or one that was given up.
            frame.body().release();
            return;
        }
        if (frame.error() != 0) {
            fail(call, ErrorReplyCodec.decode(frame.error(), frame.body()));
            return;
        }
        release(call);
        if (!call.reply.complete(frame.body())) {
            frame.body().release();
        }
    }

    private final class Receiver extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            received((Frame) message);
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            lastReceivedNanos = System.nanoTime();
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof BrokenFrame broken) {
                closed(unreachable("sent " + broken.code() + ": " + broken.detail()));
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            closed(unreachable("connection lost"));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            if (!(cause instanceof java.io.IOException || cause instanceof MirachException)) {
                LOG.error("connection to {} failed", address, cause);
            }
            closed(unreachable(String.valueOf(cause.getMessage())));
        }
    }
}
