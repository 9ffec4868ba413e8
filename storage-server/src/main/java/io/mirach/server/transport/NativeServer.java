package io.mirach.server.transport;

import io.mirach.client.transport.EventLoops;
import io.mirach.client.transport.NodeAddress;
import io.mirach.protocol.FrameDecoder;
import io.mirach.protocol.Opcode;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the native protocol: HELLO and PING by itself, all else through one {@link RequestHandler}
 * per opcode. Requests of a connection are answered in any order. Thread-safe.
 */
public final class NativeServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NativeServer.class);
    private static final int BACKLOG = 1024;
    private static final long CLOSE_TIMEOUT_SECONDS = 5;

    private final Channel listening;
    private final ChannelGroup connections;

    private NativeServer(Channel listening, ChannelGroup connections) {
        this.listening = listening;
        this.connections = connections;
    }

    /**
     * Listens. Blocks until the port is bound; fails with IOException when it cannot be.
     *
     * @param loops serve the connections; not closed here
     * @param self this node's name, told in HELLO
     * @param clusterId the cluster this node belongs to; empty while uninitialised. A peer that
     *     expects another one is refused.
     */
    public static NativeServer start(
            NativeServerConfig config,
            EventLoops loops,
            Map<Opcode, RequestHandler> handlers,
            String self,
            Supplier<Optional<UUID>> clusterId)
            throws IOException {
        ChannelGroup connections =
                new DefaultChannelGroup("native", GlobalEventExecutor.INSTANCE, true);
        RequestRoutes routes = new RequestRoutes(handlers, self, clusterId);
        RequestMemory memory = new RequestMemory(config.maxBytesInAll());
        ServerBootstrap bootstrap =
                new ServerBootstrap()
                        .group(loops.group())
                        .channel(loops.serverSocketChannel())
                        .option(ChannelOption.SO_BACKLOG, BACKLOG)
                        .option(ChannelOption.SO_REUSEADDR, true)
                        .childOption(ChannelOption.TCP_NODELAY, true)
                        .childOption(ChannelOption.SO_KEEPALIVE, true)
                        .childHandler(
                                new ChannelInitializer<>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        accept(channel, config, routes, memory, connections);
                                    }
                                });
        var bound = bootstrap.bind(config.bindAddress().resolve()).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException(
                    "cannot listen on " + config.bindAddress() + ": " + bound.cause().getMessage(),
                    bound.cause());
        }
        return new NativeServer(bound.channel(), connections);
    }

    private static void accept(
            Channel channel,
            NativeServerConfig config,
            RequestRoutes routes,
            RequestMemory memory,
            ChannelGroup connections) {
        if (connections.size() >= config.maxConnections()) {
            LOG.warn(
                    "refused a connection from {}: {} are open already",
                    channel.remoteAddress(),
                    config.maxConnections());
            channel.close();
            return;
        }
        connections.add(channel);
        channel.pipeline()
                .addLast(new FrameDecoder())
                .addLast(new ServerConnection(channel, config, routes, memory));
    }

    /** Where it listens, with the port that was taken. */
    public NodeAddress address() {
        InetSocketAddress bound = (InetSocketAddress) listening.localAddress();
        return new NodeAddress(bound.getAddress().getHostAddress(), bound.getPort());
    }

    /** Connections open now. */
    public int connectionCount() {
        return connections.size();
    }

    /**
     * Stops listening and closes all connections; waits for that. Never called on an event loop.
     */
    @Override
    public void close() {
        listening.close().awaitUninterruptibly(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        connections.close().awaitUninterruptibly(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }
}
