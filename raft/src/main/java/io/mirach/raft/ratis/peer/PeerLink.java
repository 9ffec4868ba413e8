package io.mirach.raft.ratis.peer;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import io.netty.util.concurrent.ScheduledFuture;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.thirdparty.com.google.protobuf.MessageLite;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connection on which this host asks one peer. It is made when somebody needs it, and made
 * again while appenders are attached. Many requests are in flight at once.
 *
 * <p>Confined to its event loop, except for {@link #loop}, {@link #address} and {@link #call}.
 */
final class PeerLink {
    private static final Logger LOG = LoggerFactory.getLogger(PeerLink.class);

    // A peer that is there answers a greeting at once.
    private static final int CONNECT_MILLIS = 1000;
    // Nothing at all for so long, though answers are due: packets are lost on the way. A new
    // connection is back sooner than TCP's next try, which comes after ever longer pauses.
    private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long WATCH_MILLIS = 500;
    // A few large entries may wait for the socket; more waits in the log.
    private static final WriteBufferWaterMark WRITE_BUFFER =
            new WriteBufferWaterMark(512 << 10, 2 << 20);
    private static final long MIN_BACKOFF_MILLIS = 20;
    private static final long MAX_BACKOFF_MILLIS = 1000;

    /** Who sends on this link. Called on the loop. */
    interface User {
        /** Requests may be sent. Also called when they may be sent again. */
        void ready();

        /** What was sent and not answered may or may not have arrived. */
        void lost();
    }

    /** Hears what became of one request, on the loop; exactly one of the two is called. */
    interface Answer {
        void reply(byte[] body) throws IOException;

        void failed(IOException cause);
    }

    /** The peer answered that it could not do what it was asked. */
    static final class PeerFailedException extends IOException {
        private static final long serialVersionUID = 1L;

        PeerFailedException(String message) {
            super(message);
        }
    }

    private enum State {
        DOWN,
        CONNECTING,
        UP
    }

    private final PeerSettings settings;
    private final UUID peer;
    private final EventLoop loop;
    private final Bootstrap bootstrap;
    private final Set<User> users = new LinkedHashSet<>();
    private final LongObjectMap<Answer> waiting = new LongObjectHashMap<>();
    private final List<Runnable> onceConnected = new ArrayList<>();
    private volatile InetSocketAddress address;
    private State state = State.DOWN;
    private boolean wasUp = true; // So that the first failure is told.
    private boolean closed;
    private Channel channel;
    private long lastCall;
    private long silentSince;
    private long backoffMillis = MIN_BACKOFF_MILLIS;
    private ScheduledFuture<?> retry;

    /**
     * @param bootstrap with the channel class for {@code loop}
     */
    PeerLink(
            PeerSettings settings,
            UUID peer,
            InetSocketAddress address,
            EventLoop loop,
            Bootstrap bootstrap) {
        this.settings = settings;
        this.peer = peer;
        this.address = address;
        this.loop = loop;
        this.bootstrap =
                bootstrap
                        .clone(loop)
                        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
                        .option(ChannelOption.TCP_NODELAY, true)
                        .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WRITE_BUFFER);
    }

    EventLoop loop() {
        return loop;
    }

    /** The peer has moved; the next connection goes there. Thread-safe. */
    void address(InetSocketAddress moved) {
        address = moved;
    }

    /**
     * Asks once, waiting for a connection if need be. Thread-safe.
     *
     * @return completes with the reply's body, on the loop, or exceptionally with an IOException
     */
    CompletableFuture<byte[]> call(byte kind, MessageLite request) {
        CompletableFuture<byte[]> reply = new CompletableFuture<>();
        Answer answer =
                new Answer() {
                    @Override
                    public void reply(byte[] body) {
                        reply.complete(body);
                    }

                    @Override
                    public void failed(IOException cause) {
                        reply.completeExceptionally(cause);
                    }
                };
        try {
            loop.execute(() -> whenConnected(() -> sendOrFail(kind, request, answer)));
        } catch (RejectedExecutionException e) {
            reply.completeExceptionally(new IOException("this host is closed", e));
        }
        return reply;
    }

    private void whenConnected(Runnable task) {
        if (state == State.UP || closed) {
            task.run();
            return;
        }
        onceConnected.add(task);
        connect();
    }

    private void sendOrFail(byte kind, MessageLite request, Answer answer) {
        if (isUp()) {
            send(kind, request, answer);
        } else {
            answer.failed(new ConnectException("no connection to " + peer + " at " + address));
        }
    }

    // ---- On the loop ----

    void attach(User user) {
        if (users.add(user) && state == State.DOWN) {
            connect();
        }
    }

    void detach(User user) {
        users.remove(user);
    }

    boolean isUp() {
        return state == State.UP;
    }

    /** Up, and what was sent before does not pile up here. */
    boolean isWritable() {
        return state == State.UP && channel.isWritable();
    }

    /** Only while {@link #isUp}. */
    void send(byte kind, MessageLite request, Answer answer) {
        long call = ++lastCall;
        if (waiting.isEmpty()) {
            silentSince = System.nanoTime();
        }
        waiting.put(call, answer);
        channel.writeAndFlush(
                PeerFrame.encode(channel.alloc(), kind, call, request), channel.voidPromise());
    }

    private void connect() {
        if (state != State.DOWN || closed) {
            return;
        }
        if (retry != null) {
            retry.cancel(false);
            retry = null;
        }
        state = State.CONNECTING;
        InetSocketAddress to = address;
        if (!to.isUnresolved()) {
            // A name is looked up anew each time: peers move.
            to = InetSocketAddress.createUnresolved(to.getHostString(), to.getPort());
        }
        Reader reader = new Reader();
        ChannelFuture connected = bootstrap.clone().handler(reader).connect(to);
        channel = connected.channel();
        connected.addListener(
                done -> {
                    if (done.isSuccess()) {
                        channel.writeAndFlush(
                                PeerFrame.hello(channel.alloc(), settings.peerId(), peer),
                                channel.voidPromise());
                        loop.schedule(reader::greetedInTime, CONNECT_MILLIS, TimeUnit.MILLISECONDS);
                    } else {
                        down(connected.channel(), done.cause().getMessage());
                    }
                });
    }

    private void up() {
        state = State.UP;
        backoffMillis = MIN_BACKOFF_MILLIS;
        silentSince = System.nanoTime();
        if (!wasUp) {
            LOG.info("Connected to peer {} at {}", peer, address);
        }
        wasUp = true;
        Channel watched = channel;
        loop.schedule(() -> watch(watched), WATCH_MILLIS, TimeUnit.MILLISECONDS);
        runOnceConnected();
        List.copyOf(users).forEach(User::ready);
    }

    private void watch(Channel watched) {
        if (watched != channel || state != State.UP) {
            return;
        }
        if (!waiting.isEmpty() && System.nanoTime() - silentSince > SILENCE_NANOS) {
            down(watched, "it answers nothing");
            return;
        }
        loop.schedule(() -> watch(watched), WATCH_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void down(Channel from, String why) {
        if (from != channel || state == State.DOWN) {
            return;
        }
        state = State.DOWN;
        channel.close();
        if (wasUp && !closed) {
            LOG.warn("No connection to peer {} at {}: {}", peer, address, why);
        }
        wasUp = false;
        if (!users.isEmpty() && !closed) {
            retry = loop.schedule(this::connect, backoffMillis, TimeUnit.MILLISECONDS);
            backoffMillis = Math.min(2 * backoffMillis, MAX_BACKOFF_MILLIS);
        }
        // Users first: what they still hold as sent tells them where to go on.
        List.copyOf(users).forEach(User::lost);
        List<Answer> lost = new ArrayList<>(waiting.values());
        waiting.clear();
        IOException cause = new ConnectException("connection to " + peer + " lost: " + why);
        lost.forEach(answer -> answer.failed(cause));
        runOnceConnected();
    }

    private void runOnceConnected() {
        List<Runnable> tasks = List.copyOf(onceConnected);
        onceConnected.clear();
        tasks.forEach(Runnable::run);
    }

    void close() {
        closed = true;
        down(channel, "this host is closing");
        users.clear();
    }

    private final class Reader extends FrameReader {
        private boolean greeted;

        void greetedInTime() {
            if (!greeted && state == State.CONNECTING) {
                down(channel, "it does not greet");
            }
        }

        @Override
        void frame(ChannelHandlerContext ctx, byte kind, long call, byte[] body)
                throws IOException {
            if (ctx.channel() != channel) {
                return;
            }
            silentSince = System.nanoTime();
            if (!greeted) {
                greeting(kind, call, body);
                return;
            }
            Answer answer = waiting.remove(call);
            if (answer == null) {
                throw new ProtocolException("an answer to a request that was not sent");
            }
            switch (kind) {
                case PeerFrame.REPLY -> answer.reply(body);
                case PeerFrame.FAILED ->
                        answer.failed(new PeerFailedException(PeerFrame.text(body)));
                default -> throw new ProtocolException("an unknown kind of answer: " + kind);
            }
        }

        private void greeting(byte kind, long call, byte[] body) throws IOException {
            if (kind == PeerFrame.REFUSED) {
                throw new ProtocolException(PeerFrame.text(body));
            }
            if (kind != PeerFrame.WELCOME || call != PeerFrame.VERSION) {
                throw new ProtocolException("it does not speak version " + PeerFrame.VERSION);
            }
            greeted = true;
            allow(settings.maxMessageBytes());
            up();
        }

        @Override
        public void channelWritabilityChanged(ChannelHandlerContext ctx) {
            if (isWritable()) {
                List.copyOf(users).forEach(User::ready);
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            down(ctx.channel(), "it closed the connection");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            if (cause instanceof RuntimeException) {
                LOG.error("Peer {} sent what could not be handled", peer, cause);
            }
            down(ctx.channel(), String.valueOf(cause.getMessage()));
        }
    }
}
