package io.mirach.ops.chaos;

import io.mirach.bench.command.NbdTarget;
import io.mirach.bench.command.NbdUriParts;
import io.mirach.client.transport.EventLoops;
import io.mirach.model.Block;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** An export, over one NBD connection. One call at a time; may be closed by any thread. */
final class NbdDisk implements BlockDevice, AutoCloseable {
    private static final int LIMIT_SECONDS = 180;

    private final NbdTarget target;

    /** Connects; fails with {@link DeviceGoneException} if nobody is there. */
    NbdDisk(NbdUriParts uri, EventLoops loops) {
        try {
            target = new NbdTarget(uri, loops);
        } catch (MirachException e) {
            throw new DeviceGoneException("no connection", e);
        }
    }

    @Override
    public byte[] read(long block) throws InterruptedException {
        ByteBuf data = call(() -> target.read(block * Block.BYTES, Block.BYTES));
        byte[] content = new byte[Block.BYTES];
        data.readBytes(content).release();
        return content;
    }

    @Override
    public void write(long block, byte[] content, boolean durable) throws InterruptedException {
        call(() -> target.write(block * Block.BYTES, Unpooled.wrappedBuffer(content), durable));
    }

    @Override
    public void flush() throws InterruptedException {
        call(target::flush);
    }

    private <T> T call(Supplier<CompletableFuture<T>> request) throws InterruptedException {
        CompletableFuture<T> done =
                CompletableFuture.supplyAsync(request, target.loop()).thenCompose(sent -> sent);
        try {
            return done.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new DeviceGoneException("a request failed: " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw new ChaosException(
                    "a request over NBD was not answered in " + LIMIT_SECONDS + " s", e);
        }
    }

    @Override
    public void close() {
        target.close();
    }
}
