package io.mirach.bench.command;

import io.mirach.client.transport.EventLoops;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * An export of any NBD server, over one connection with simple replies. Requests are made on {@link
 * #loop} alone; they fail with UNREACHABLE once the connection is gone.
 */
public final class NbdTarget implements LoadTarget {
    private static final long STEP_LIMIT_SECONDS = 30;
    private static final int CONNECT_LIMIT_MS = 5_000;
    private static final int STATUS_BYTES = 1 << 30;
    private static final int STATE_ZERO = 2;

    private final NbdUriParts uri;
    private final EventLoops loops;
    private final Link link;

    private record Link(Channel channel, NbdReplies replies, NbdHandshake.Agreed agreed) {
        void close() {
            channel.eventLoop().execute(replies::disconnect);
            channel.close().awaitUninterruptibly(STEP_LIMIT_SECONDS, TimeUnit.SECONDS);
        }
    }

    /** Connects and negotiates; fails with UNREACHABLE, NO_SUCH_VOLUME or MALFORMED. */
    public NbdTarget(NbdUriParts uri, EventLoops loops) {
        this.uri = uri;
        this.loops = loops;
        this.link = connect(false);
    }

    private Link connect(boolean asksAllocation) {
        CompletableFuture<NbdHandshake.Agreed> agreed = new CompletableFuture<>();
        NbdReplies replies = new NbdReplies();
        boolean unix = uri.socket().isPresent();
        Bootstrap bootstrap =
                new Bootstrap()
                        .group(loops.group())
                        .channel(unix ? unixChannel() : loops.socketChannel())
                        .handler(
                                new ChannelInitializer<>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        channel.pipeline()
                                                .addLast(
                                                        new NbdHandshake(
                                                                uri.export(),
                                                                asksAllocation,
                                                                agreed))
                                                .addLast(replies);
                                    }
                                });
        if (!unix) {
            bootstrap
                    .option(ChannelOption.TCP_NODELAY, true)
                    .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_LIMIT_MS);
        }
        ChannelFuture connecting = bootstrap.connect(address());
        connecting.awaitUninterruptibly();
        if (!connecting.isSuccess()) {
            throw new MirachException(
                            ErrorCode.UNREACHABLE,
                            "no NBD server answers at "
                                    + where()
                                    + ": "
                                    + connecting.cause().getMessage(),
                            connecting.cause())
                    .withRemedy("check that the gateway runs: 'mirach gateway ls'");
        }
        try {
            return new Link(
                    connecting.channel(),
                    replies,
                    Waiting.get(agreed, STEP_LIMIT_SECONDS, where()));
        } catch (MirachException e) {
            connecting.channel().close();
            throw e;
        }
    }

    private Class<? extends Channel> unixChannel() {
        return loops.isEpoll() ? EpollDomainSocketChannel.class : NioDomainSocketChannel.class;
    }

    private SocketAddress address() {
        if (uri.socket().isEmpty()) {
            return new InetSocketAddress(uri.host(), uri.port());
        }
        return loops.isEpoll()
                ? new DomainSocketAddress(uri.socket().get().toString())
                : UnixDomainSocketAddress.of(uri.socket().get());
    }

    boolean isUnix() {
        return uri.socket().isPresent();
    }

    private String where() {
        return uri.socket().map(Object::toString).orElse(uri.host() + ":" + uri.port());
    }

    @Override
    public long sizeBytes() {
        return link.agreed().sizeBytes();
    }

    @Override
    public boolean readOnly() {
        return link.agreed().readOnly();
    }

    @Override
    public EventLoop loop() {
        return link.channel().eventLoop();
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return link.replies().read(offsetBytes, lengthBytes);
    }

    @Override
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        return write(offsetBytes, data, false);
    }

    /**
     * Takes ownership.
     *
     * @param fua to be durable when it is complete, whatever the server promises without
     */
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data, boolean fua) {
        return link.replies().write(offsetBytes, data, fua).thenAccept(ByteBuf::release);
    }

    /** Once it is complete, every write that was complete before is durable. */
    public CompletableFuture<Void> flush() {
        return link.replies().flush().thenAccept(ByteBuf::release);
    }

    /** By a connection of its own, since block status needs structured replies. */
    @Override
    public Optional<Boolean> holdsData() {
        Link asking = connect(true);
        try {
            if (!asking.agreed().allocation()) {
                return Optional.empty();
            }
            long offset = 0;
            while (offset < sizeBytes()) {
                int length = (int) Math.min(STATUS_BYTES, sizeBytes() - offset);
                long at = offset;
                CompletableFuture<List<NbdReplies.Status>> told = new CompletableFuture<>();
                asking.channel()
                        .eventLoop()
                        .execute(
                                () ->
                                        asking.replies()
                                                .blockStatus(at, length)
                                                .whenComplete(
                                                        (statuses, failed) ->
                                                                finish(told, statuses, failed)));
                long covered = 0;
                for (NbdReplies.Status status : Waiting.get(told, STEP_LIMIT_SECONDS, where())) {
                    if ((status.flags() & STATE_ZERO) == 0) {
                        return Optional.of(true);
                    }
                    covered += status.lengthBytes();
                }
                if (covered == 0) {
                    return Optional.empty();
                }
                offset += covered;
            }
            return Optional.of(false);
        } finally {
            asking.close();
        }
    }

    private static <T> void finish(CompletableFuture<T> future, T value, Throwable failed) {
        if (failed == null) {
            future.complete(value);
        } else {
            future.completeExceptionally(failed);
        }
    }

    @Override
    public void close() {
        link.close();
    }
}
