package io.mirach.bench.command;

import io.netty.buffer.ByteBuf;
import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Keeps requests until the test answers them. Its lists are confined to its loop. */
final class FakeTarget implements LoadTarget {
    private final DefaultEventLoop loop = new DefaultEventLoop();

    record Request(
            boolean write, long offsetBytes, ByteBuf data, CompletableFuture<ByteBuf> reply) {}

    /** In the order of their arrival, answered or not. */
    final List<Request> requests = new ArrayList<>();

    @Override
    public long sizeBytes() {
        return 1 << 20;
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public EventLoop loop() {
        return loop;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
        requests.add(new Request(false, offsetBytes, null, reply));
        return reply;
    }

    @Override
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        CompletableFuture<ByteBuf> reply = new CompletableFuture<>();
        requests.add(new Request(true, offsetBytes, data, reply));
        return reply.thenAccept(ByteBuf::release);
    }

    @Override
    public Optional<Boolean> holdsData() {
        return Optional.empty();
    }

    @Override
    public void close() {
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
