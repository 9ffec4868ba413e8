package io.mirach.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One NBD connection, from the server's greeting to its end. The only handler of its channel, which
 * must allow half closure: a client may end its side and still wait for replies. Both phases take
 * their bytes from the same place, so none are lost between them, and bytes that a phase cannot
 * take now wait here while the socket is not read.
 */
// Confined to the channel's event loop.
public final class NbdSession extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(NbdSession.class);
    private static final long LINGER_MS = 2000;

    private final ExportCatalog catalog;
    private final NbdLimits limits;
    private final MemoryBudget budget;
    private final ArrayDeque<ByteBuf> input = new ArrayDeque<>();
    // Set on the loop; read by any thread.
    private volatile ChannelHandlerContext ctx;
    private Phase phase;
    private boolean blocked;
    private boolean consuming;
    private boolean discarding;
    private boolean inputEnded;
    private Future<?> linger;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();

    /**
     * @param budget shared by all sessions of a server; of {@link #newBudget}
     */
    public NbdSession(ExportCatalog catalog, NbdLimits limits, MemoryBudget budget) {
        this.catalog = Objects.requireNonNull(catalog, "catalog");
        this.limits = Objects.requireNonNull(limits, "limits");
        this.budget = Objects.requireNonNull(budget, "budget");
    }

    /** The memory that sessions under these limits share. */
    public static MemoryBudget newBudget(NbdLimits limits) {
        return new MemoryBudget(limits.pooledBytes());
    }

    /** Completes, on the event loop, once the connection has ended and gave back all it held. */
    CompletableFuture<Void> gone() {
        return gone;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
        context.channel().closeFuture().addListener(closed -> onClosed());
        if (context.channel().isActive()) {
            start();
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        start();
    }

    private void start() {
        if (phase == null) {
            Negotiation negotiation = new Negotiation(this, ctx, catalog, limits);
            phase = negotiation;
            negotiation.greet();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        if (discarding) {
            bytes.release();
            return;
        }
        input.add(bytes);
        advance();
    }

    /** Goes on after a phase had said that it cannot. */
    void resume() {
        blocked = false;
        advance();
    }

    private void advance() {
        if (consuming || discarding) {
            return;
        }
        consuming = true;
        try {
            do {
                offerInput();
                // Flushing may free what the phase was blocked on.
                phase.flush();
            } while (!blocked && !discarding && !input.isEmpty());
        } finally {
            consuming = false;
            if (discarding) {
                releaseInput();
            }
        }
        ctx.channel().config().setAutoRead(!blocked);
    }

    private void offerInput() {
        while (!input.isEmpty() && !blocked && !discarding) {
            ByteBuf bytes = input.peek();
            if (bytes.isReadable() && !phase.consume(bytes)) {
                blocked = true;
            }
            if (!bytes.isReadable()) {
                input.poll().release();
            }
        }
        if (inputEnded && input.isEmpty() && !blocked) {
            inputEnded = false;
            phase.onInputEnd();
        }
    }

    /**
     * Whether the client has ended its side, and the phase will learn of it once it is up to it.
     */
    boolean isInputEnding() {
        return inputEnded;
    }

    /** The handshake is done; bytes that follow belong to {@code transmission}. */
    void enter(Transmission transmission) {
        phase = transmission;
    }

    /**
     * Ends the connection after what was written: says so to the client, and reads what it still
     * sends for a short while, since closing a socket that holds unread bytes would reset it and
     * could lose the last replies.
     */
    void finish() {
        if (linger != null || !ctx.channel().isActive()) {
            return;
        }
        discardInput();
        ctx.channel().config().setAutoRead(true);
        linger = ctx.executor().schedule(() -> ctx.close(), LINGER_MS, TimeUnit.MILLISECONDS);
        if (ctx.channel() instanceof DuplexChannel duplex) {
            duplex.shutdownOutput().addListener(shut -> closeUnless(shut.isSuccess()));
        } else {
            ctx.close();
        }
    }

    private void closeUnless(boolean goesOn) {
        if (!goesOn) {
            ctx.close();
        }
    }

    /** Drops what has been received and whatever will be. */
    void discardInput() {
        discarding = true;
        if (!consuming) {
            releaseInput();
        }
    }

    private void releaseInput() {
        while (!input.isEmpty()) {
            input.poll().release();
        }
    }

    /** Ends the session gently; callable from any thread. */
    void shutDown() {
        onLoop(
                () -> {
                    if (phase != null) {
                        phase.shutDown();
                    }
                });
    }

    /** Nothing on a session that is not in its pipeline yet: whoever adds it looks again. */
    private void onLoop(Runnable task) {
        ChannelHandlerContext context = ctx;
        if (context != null) {
            context.executor().execute(task);
        }
    }

    /** Closes the connection if it holds up others; callable from any thread. */
    void closeIfStalled() {
        onLoop(
                () -> {
                    if (phase != null
                            && phase.isStalled(
                                    System.nanoTime(), limits.stallTimeout().toNanos())) {
                        LOG.warn(
                                "{} moved no byte for {} while others wait for its memory:"
                                        + " closing it",
                                ctx.channel(),
                                limits.stallTimeout());
                        ctx.close();
                    }
                });
    }

    MemoryBudget budget() {
        return budget;
    }

    NbdLimits limits() {
        return limits;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == ChannelInputShutdownEvent.INSTANCE) {
            if (linger != null) {
                context.close();
            } else {
                // What was received before the end counts: the phase learns of the end after it.
                inputEnded = true;
                advance();
            }
        }
        context.fireUserEventTriggered(event);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (phase != null && context.channel().isWritable()) {
            phase.onWritable();
        }
    }

    /**
     * By the close future: a channel that is not registered is not told that it became inactive.
     */
    private void onClosed() {
        discardInput();
        if (linger != null) {
            linger.cancel(false);
        }
        try {
            if (phase != null) {
                phase.onInactive();
            }
        } finally {
            gone.complete(null);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (cause instanceof IOException) {
            LOG.debug("{} broke: {}", context.channel(), cause.toString());
        } else {
            LOG.error("closing {} after an unexpected failure", context.channel(), cause);
        }
        context.close();
    }
}
