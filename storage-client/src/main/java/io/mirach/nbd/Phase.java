package io.mirach.nbd;

import io.netty.buffer.ByteBuf;

/** What a session does with its bytes: first {@link Negotiation}, then {@link Transmission}. */
// Confined to the session's event loop.
interface Phase {
    /**
     * Consumes bytes; {@code in} stays the caller's.
     *
     * @return whether to go on with what is left and with further bytes; if not, the phase calls
     *     {@link NbdSession#resume} once it can
     */
    boolean consume(ByteBuf in);

    /** The bytes at hand have been offered: what is gathered should be flushed. */
    void flush();

    /** The client will send nothing more, but may still read. */
    void onInputEnd();

    /** The channel takes bytes again. */
    void onWritable();

    /** The connection is gone. */
    void onInactive();

    /** The server ends: answer what is in flight, then close. */
    void shutDown();

    /** Whether the connection moved no byte for so long while memory is held for it. */
    boolean isStalled(long nowNanos, long timeoutNanos);
}
