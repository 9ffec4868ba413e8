package io.mirach.client.transport;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.Opcode;
import io.netty.buffer.ByteBuf;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * One connection per node, made when something is to be sent and made again when it broke.
 * Thread-safe; never blocks.
 */
public final class NodeConnections implements AutoCloseable {
    // An address that cannot be reached is tried no more often than this, however many ask.
    private static final long RECONNECT_PAUSE_NANOS = Duration.ofMillis(50).toNanos();

    private record Entry(NodeConnection connection, long openedNanos) {}

    private final EventLoops loops;
    private final TransportConfig config;
    private final String self;
    private final Supplier<Optional<UUID>> clusterId;
    private final Map<String, Entry> byAddress = new ConcurrentHashMap<>();
    private final ExecutorService nameLookUps = lookUpThread();
    private volatile boolean closed;

    /**
     * @param self this side's name, for the peers' logs
     * @param clusterId what cluster peers must belong to; empty while it is not known
     */
    public NodeConnections(
            EventLoops loops,
            TransportConfig config,
            String self,
            Supplier<Optional<UUID>> clusterId) {
        this.loops = loops;
        this.config = config;
        this.self = self;
        this.clusterId = clusterId;
    }

    // Names are looked up by a blocking call, which must not stop an event loop.
    private static ExecutorService lookUpThread() {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        5,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(1024),
                        task -> {
                            Thread thread = new Thread(task, "mirach-names");
                            thread.setDaemon(true);
                            return thread;
                        });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    /**
     * Sends a request. Takes ownership of {@code body}; the caller owns the reply's body. Completes
     * on the connection's event loop (at once on the caller's thread when nothing can be sent), and
     * fails with the peer's own refusal, or with BACK_PRESSURED (not sent), UNREACHABLE (no
     * connection, or it broke) or TIMEOUT. After the latter two it is unknown whether the request
     * took effect. WRONG_CLUSTER, NOT_INITIALISED and UNSUPPORTED_VERSION may also mean the peer as
     * a whole: then nothing was sent.
     *
     * @param address {@code host:port}
     */
    public CompletableFuture<ByteBuf> request(
            String address, Opcode opcode, ByteBuf body, Duration timeout) {
        NodeConnection connection;
        try {
            connection = connectionTo(address);
        } catch (MirachException e) {
            body.release();
            return CompletableFuture.failedFuture(e);
        }
        return connection.request(opcode, body, timeout);
    }

    private NodeConnection connectionTo(String address) {
        Entry entry = byAddress.get(address);
        if (entry != null && entry.connection().closedBy().isEmpty()) {
            return entry.connection();
        }
        NodeAddress parsed = NodeAddress.parse(address);
        long now = System.nanoTime();
        return byAddress
                .compute(address, (key, current) -> current(parsed, current, now))
                .connection();
    }

    private Entry current(NodeAddress address, Entry current, long now) {
        if (closed) {
            throw new MirachException(ErrorCode.SHUTTING_DOWN, "connections are closed");
        }
        if (current != null) {
            Optional<MirachException> closedBy = current.connection().closedBy();
            if (closedBy.isEmpty()) {
                return current;
            }
            if (!current.connection().wasGreeted()
                    && now - current.openedNanos() < RECONNECT_PAUSE_NANOS) {
                throw closedBy.get();
            }
        }
        NodeConnection connection =
                new NodeConnection(address, config, self, clusterId, loops.next());
        open(connection, address);
        return new Entry(connection, now);
    }

    private void open(NodeConnection connection, NodeAddress address) {
        var numeric = address.numeric();
        if (numeric.isPresent()) {
            connection.open(loops.socketChannel(), numeric.get());
            return;
        }
        try {
            nameLookUps.execute(() -> lookUpAndOpen(connection, address));
        } catch (RejectedExecutionException e) {
            connection.close(new MirachException(ErrorCode.UNREACHABLE, address + ": closing", e));
        }
    }

    private void lookUpAndOpen(NodeConnection connection, NodeAddress address) {
        try {
            connection.open(loops.socketChannel(), address.resolve());
        } catch (UnknownHostException e) {
            connection.close(
                    new MirachException(ErrorCode.UNREACHABLE, address + ": unknown host", e));
        }
    }

    /** Closes all; requests in flight fail with UNREACHABLE. */
    @Override
    public void close() {
        closed = true;
        nameLookUps.shutdown();
        MirachException cause = new MirachException(ErrorCode.UNREACHABLE, "closed by this side");
        byAddress.values().forEach(entry -> entry.connection().close(cause));
    }
}
