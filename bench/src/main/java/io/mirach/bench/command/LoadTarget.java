package io.mirach.bench.command;

import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A block device under test. Requests are made on {@link #loop} alone, and never block. */
interface LoadTarget extends AutoCloseable {
    long sizeBytes();

    boolean readOnly();

    /** The thread that requests are made on. They may complete on any. */
    EventLoop loop();

    /** The caller owns the buffer, which has that many bytes. */
    CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes);

    /** Takes ownership. Durable when complete. */
    CompletableFuture<Void> write(long offsetBytes, ByteBuf data);

    /** Whether any block holds data. Empty if the server cannot tell. Blocks the caller. */
    Optional<Boolean> holdsData();

    /** Waits for what is outstanding, a few seconds at most. */
    @Override
    void close();
}
