package io.mirach.nbd;

import io.mirach.client.transport.EventLoops;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the exports of a catalog over NBD on any number of TCP and unix sockets. Uses epoll, or
 * NIO where its native library is missing. Thread-safe.
 */
public final class NbdServer {
    private static final Logger LOG = LoggerFactory.getLogger(NbdServer.class);
    private static final int MAX_RECEIVE_BYTES = 256 << 10;
    private static final int BACKLOG = 128;

    private final ExportCatalog catalog;
    private final NbdLimits limits;
    private final MemoryBudget budget;
    private final EventLoops loops;
    private final ChannelGroup channels =
            new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    private final Future<?> stallCheck;
    private final Set<NbdSession> sessions = ConcurrentHashMap.newKeySet();
    private final AtomicInteger connections = new AtomicInteger();
    private final List<Channel> listeners = new ArrayList<>();
    private final List<NbdAddress> bound = new ArrayList<>();
    private final CompletableFuture<Void> allLeft = new CompletableFuture<>();
    private volatile boolean closing;
    private volatile boolean cutOff;
    private CompletableFuture<Void> closed;

    /**
     * @param loops serve all connections, and outlive this. An export that does its own I/O on the
     *     same ones spares hand-offs.
     */
    public NbdServer(ExportCatalog catalog, NbdLimits limits, EventLoops loops) {
        this.catalog = Objects.requireNonNull(catalog, "catalog");
        this.limits = Objects.requireNonNull(limits, "limits");
        this.budget = NbdSession.newBudget(limits);
        this.loops = Objects.requireNonNull(loops, "loops");
        long checkMs = Math.max(1, limits.stallTimeout().toMillis() / 4);
        this.stallCheck =
                loops.next()
                        .scheduleWithFixedDelay(
                                this::closeStalled, checkMs, checkMs, TimeUnit.MILLISECONDS);
    }

    /**
     * Listens on one more address. Blocks until bound.
     *
     * @return the address with the port in place of 0
     * @throws MirachException INVALID_CONFIG if the address cannot be had
     */
    public synchronized NbdAddress listen(NbdAddress address) {
        if (closing) {
            throw new MirachException(ErrorCode.SHUTTING_DOWN, "the NBD server is closed");
        }
        if (address instanceof NbdAddress.Unix unix) {
            clearStaleSocket(unix.path());
        }
        ChannelFuture binding = bootstrap(address).bind(socketAddress(address));
        binding.awaitUninterruptibly();
        if (!binding.isSuccess()) {
            throw cannotListen(address, binding.cause());
        }
        NbdAddress actual = address;
        if (address instanceof NbdAddress.Tcp tcp
                && binding.channel().localAddress() instanceof InetSocketAddress local) {
            actual = new NbdAddress.Tcp(tcp.host(), local.getPort());
        }
        listeners.add(binding.channel());
        bound.add(actual);
        LOG.info("serving NBD on {}", actual);
        return actual;
    }

    private static MirachException cannotListen(NbdAddress address, Throwable cause) {
        return new MirachException(
                ErrorCode.INVALID_CONFIG,
                "cannot listen on " + address + ": " + cause.getMessage(),
                cause);
    }

    private ServerBootstrap bootstrap(NbdAddress address) {
        ServerBootstrap bootstrap =
                new ServerBootstrap()
                        .group(loops.group())
                        .channel(channelClass(address))
                        .option(ChannelOption.SO_BACKLOG, BACKLOG)
                        // A client may end its side and still wait for replies.
                        .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                        .childOption(
                                ChannelOption.RECVBUF_ALLOCATOR,
                                new AdaptiveRecvByteBufAllocator(512, 16 << 10, MAX_RECEIVE_BYTES))
                        .childHandler(
                                new ChannelInitializer<>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        channels.add(channel);
                                        accept(channel);
                                    }
                                });
        if (address instanceof NbdAddress.Tcp) {
            bootstrap
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .childOption(ChannelOption.TCP_NODELAY, true)
                    .childOption(ChannelOption.SO_KEEPALIVE, true);
        }
        return bootstrap;
    }

    private Class<? extends ServerChannel> channelClass(NbdAddress address) {
        if (address instanceof NbdAddress.Tcp) {
            return loops.isEpoll() ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
        }
        return loops.isEpoll()
                ? EpollServerDomainSocketChannel.class
                : NioServerDomainSocketChannel.class;
    }

    private SocketAddress socketAddress(NbdAddress address) {
        if (address instanceof NbdAddress.Unix unix) {
            return loops.isEpoll()
                    ? new DomainSocketAddress(unix.path().toString())
                    : UnixDomainSocketAddress.of(unix.path());
        }
        return ((NbdAddress.Tcp) address).socketAddress();
    }

    /** Removes the socket of a process that is gone; anything else at that path stays. */
    private static void clearStaleSocket(Path path) {
        try {
            if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                return;
            }
            if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .isOther()) {
                throw new MirachException(
                        ErrorCode.INVALID_CONFIG, path + " exists and is not a socket");
            }
            if (answers(path)) {
                throw new MirachException(
                        ErrorCode.INVALID_CONFIG, "another process serves " + path);
            }
            Files.delete(path);
        } catch (IOException failure) {
            throw cannotListen(new NbdAddress.Unix(path), failure);
        }
    }

    private static boolean answers(Path path) throws IOException {
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return probe.connect(UnixDomainSocketAddress.of(path));
        } catch (SocketException refused) {
            return false;
        }
    }

    private void accept(Channel channel) {
        boolean full = connections.incrementAndGet() > limits.maxConnections();
        if (closing || full) {
            connections.decrementAndGet();
            LOG.warn(
                    "refusing {}: {}",
                    channel,
                    full ? limits.maxConnections() + " connections are open" : "shutting down");
            channel.close();
            return;
        }
        NbdSession session = new NbdSession(catalog, limits, budget);
        sessions.add(session);
        session.gone().thenRun(() -> onSessionGone(session));
        channel.pipeline().addLast(session);
        if (closing) {
            // It came while close() was telling the others.
            session.shutDown();
        }
    }

    private void onSessionGone(NbdSession session) {
        sessions.remove(session);
        connections.decrementAndGet();
        if (closing && sessions.isEmpty()) {
            allLeft.complete(null);
        }
    }

    private void closeStalled() {
        if (budget.contended()) {
            sessions.forEach(NbdSession::closeIfStalled);
        }
    }

    /** Where this listens, in the order of the calls to {@link #listen}. */
    public synchronized List<NbdAddress> addresses() {
        return List.copyOf(bound);
    }

    public int connectionCount() {
        return connections.get();
    }

    /**
     * Stops accepting, answers what is in flight, and closes all connections; after {@code grace}
     * also those whose requests have not been answered. Never blocks; further calls answer the
     * same.
     */
    public synchronized CompletableFuture<Void> close(Duration grace) {
        if (closed != null) {
            return closed;
        }
        closing = true;
        listeners.forEach(Channel::close);
        for (NbdAddress address : bound) {
            if (address instanceof NbdAddress.Unix unix) {
                deleteSocket(unix.path());
            }
        }
        sessions.forEach(NbdSession::shutDown);
        if (sessions.isEmpty()) {
            allLeft.complete(null);
        }
        closed = new CompletableFuture<>();
        allLeft.copy()
                .orTimeout(grace.toMillis(), TimeUnit.MILLISECONDS)
                .whenComplete((done, late) -> cutOff(late));
        return closed;
    }

    private void cutOff(Throwable late) {
        if (late != null) {
            cutOff = true;
            LOG.warn("{} connections did not end in time and are cut off", connections.get());
        }
        stallCheck.cancel(false);
        channels.close();
        allLeft.whenComplete((done, never) -> closed.complete(null));
    }

    /** Whether, once closed, no connection had to be cut off. */
    public boolean closedCleanly() {
        return !cutOff;
    }

    private static void deleteSocket(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException failure) {
            LOG.warn("cannot remove {}: {}", path, failure.toString());
        }
    }
}
