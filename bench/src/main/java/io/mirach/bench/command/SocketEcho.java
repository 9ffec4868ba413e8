package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;

/**
 * The rate at which requests and replies of a read's size pass a socket between two threads of this
 * process, with nothing behind it: what no data path over such a socket can exceed. Blocks the
 * caller, and is confined to it.
 */
final class SocketEcho {
    /** As NBD's. */
    private static final int REQUEST_BYTES = 28;

    private static final int REPLY_HEADER_BYTES = 16;

    private final boolean unix;
    private final Duration time;

    /** Requests per second. */
    record Rate(int requestBytes, int depth, double iops) {}

    /**
     * @param unix over a unix socket; else over TCP on the loopback interface
     * @param time of each measurement, after a third of it as warm-up
     */
    SocketEcho(boolean unix, Duration time) {
        this.unix = unix;
        this.time = time;
    }

    /**
     * @param replyBytes the data of each reply
     */
    Rate measure(int replyBytes, int depth) {
        Path socket =
                Path.of(System.getProperty("java.io.tmpdir"))
                        .resolve("mirach-bench-" + UUID.randomUUID().toString().substring(0, 8));
        try (ServerSocketChannel listening =
                unix
                        ? ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                        : ServerSocketChannel.open()) {
            SocketAddress address =
                    unix
                            ? UnixDomainSocketAddress.of(socket)
                            : new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
            listening.bind(address);
            Thread server =
                    new Thread(() -> serve(listening, REPLY_HEADER_BYTES + replyBytes), "echo");
            server.setDaemon(true);
            server.start();
            try (SocketChannel client = SocketChannel.open(listening.getLocalAddress())) {
                noDelay(client);
                int reply = REPLY_HEADER_BYTES + replyBytes;
                rate(client, reply, depth, time.dividedBy(3));
                return new Rate(replyBytes, depth, rate(client, reply, depth, time));
            }
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot measure the loopback: " + e.getMessage(), e);
        } finally {
            deleteIfExists(socket);
        }
    }

    private void deleteIfExists(Path socket) {
        try {
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "cannot delete " + socket + ": " + e.getMessage(), e);
        }
    }

    private void noDelay(SocketChannel channel) throws IOException {
        if (!unix) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
    }

    private void serve(ServerSocketChannel listening, int replyBytes) {
        ByteBuffer in = ByteBuffer.allocateDirect(64 << 10);
        ByteBuffer reply = ByteBuffer.allocateDirect(replyBytes);
        int unanswered = 0;
        try (SocketChannel channel = listening.accept()) {
            noDelay(channel);
            while (channel.read(in.clear()) > 0) {
                unanswered += in.position();
                for (; unanswered >= REQUEST_BYTES; unanswered -= REQUEST_BYTES) {
                    reply.clear();
                    while (reply.hasRemaining()) {
                        channel.write(reply);
                    }
                }
            }
        } catch (IOException clientGone) {
            // The measurement is over, or fails at the other end too.
            return;
        }
    }

    /** Ends with nothing outstanding. */
    private static double rate(SocketChannel channel, int replyBytes, int depth, Duration time)
            throws IOException {
        ByteBuffer requests = ByteBuffer.allocateDirect(REQUEST_BYTES * depth);
        ByteBuffer in = ByteBuffer.allocateDirect(256 << 10);
        long start = System.nanoTime();
        long replies = 0;
        long receivedBytes = 0;
        int outstanding = 0;
        boolean over = false;
        while (!over || outstanding > 0) {
            if (!over && outstanding < depth) {
                requests.clear().limit(REQUEST_BYTES * (depth - outstanding));
                while (requests.hasRemaining()) {
                    channel.write(requests);
                }
                outstanding = depth;
            }
            if (channel.read(in.clear()) < 0) {
                throw new IOException("the echo ended");
            }
            receivedBytes += in.position();
            long whole = receivedBytes / replyBytes;
            receivedBytes -= whole * replyBytes;
            outstanding -= (int) whole;
            replies += whole;
            over = System.nanoTime() - start >= time.toNanos();
        }
        return replies * 1e9 / (System.nanoTime() - start);
    }
}
