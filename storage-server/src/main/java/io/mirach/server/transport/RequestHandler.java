package io.mirach.server.transport;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/** Answers the requests of one opcode. Called on an event loop: never blocks. */
public interface RequestHandler {
    /**
     * Takes ownership of {@code body}; the caller owns the reply's body. Fails with {@link
     * io.mirach.protocol.MirachException}; anything else reaches the peer as INTERNAL and the log
     * in full.
     */
    CompletableFuture<ByteBuf> handle(ByteBuf body);
}
