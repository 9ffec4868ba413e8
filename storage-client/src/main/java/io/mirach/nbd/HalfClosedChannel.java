package io.mirach.nbd;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.unix.UnixChannel;

/**
 * Lets an epoll channel whose input has ended go on writing. Netty 4.2.18 takes a descriptor out of
 * epoll when the last interest in it ends, as it does here, and then fails to put it back when a
 * write has to wait for room: the rest of the reply would be lost. An unregistered channel writes
 * as well and only remembers that it waits. So the channel is registered for as long as a write
 * waits, and at no other time; between the two, nothing may be written.
 */
// Confined to the channel's event loop.
final class HalfClosedChannel {
    private final Channel channel;
    private final Runnable onReady;
    private boolean busy = true;

    private HalfClosedChannel(Channel channel, Runnable onReady) {
        this.channel = channel;
        this.onReady = onReady;
    }

    /** Whether a channel needs this. */
    static boolean concerns(Channel channel) {
        return channel instanceof UnixChannel;
    }

    /**
     * @param onReady called when {@link #isBusy} is false again
     */
    static HalfClosedChannel of(Channel channel, Runnable onReady) {
        HalfClosedChannel halfClosed = new HalfClosedChannel(channel, onReady);
        halfClosed.afterSent();
        return halfClosed;
    }

    /** Whether nothing may be written now. */
    boolean isBusy() {
        return busy;
    }

    /** Called after everything at hand was written and flushed. */
    void afterFlush() {
        if (!busy && !isDrained()) {
            busy = true;
            channel.eventLoop().register(channel);
        }
    }

    /** Called when a write has completed. */
    void afterSent() {
        if (busy) {
            // Not at once: this runs inside the flush, which has yet to end its interest.
            channel.eventLoop().execute(this::unregisterIfDrained);
        }
    }

    private void unregisterIfDrained() {
        if (busy && channel.isOpen() && isDrained()) {
            channel.deregister()
                    .addListener(
                            unregistered -> {
                                busy = false;
                                onReady.run();
                            });
        }
    }

    private boolean isDrained() {
        ChannelOutboundBuffer outbound = channel.unsafe().outboundBuffer();
        return outbound == null || outbound.isEmpty();
    }
}
