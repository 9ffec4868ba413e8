package io.mirach.nbd;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import java.util.ArrayDeque;

/** Keeps what is written, as the socket of a client that does not read would. */
final class SlowSocket extends ChannelOutboundHandlerAdapter {
    private record Kept(Object message, ChannelPromise promise) {}

    private final ArrayDeque<Kept> kept = new ArrayDeque<>();
    private ChannelHandlerContext ctx;
    private boolean stuck;

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        ctx = context;
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (stuck) {
            kept.add(new Kept(message, promise));
        } else {
            context.write(message, promise);
        }
    }

    void stick() {
        stuck = true;
    }

    /** The client reads again. */
    void flow() {
        stuck = false;
        while (!kept.isEmpty()) {
            Kept next = kept.poll();
            ctx.write(next.message, next.promise);
        }
        ctx.flush();
    }
}
