package io.mirach.nbd;

import io.mirach.client.VolumeIo;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The transmission phase: reads requests, hands them to the volume and answers them in the order in
 * which they complete. A request is in flight until its reply has left for the socket. While as
 * many are in flight as are allowed, or memory for the next is not granted, nothing more is read:
 * so a client that does not read its replies stops only itself.
 */
// Confined to the session's event loop.
final class Transmission implements Phase {
    private static final Logger LOG = LoggerFactory.getLogger(Transmission.class);

    private enum State {
        HEADER,
        /** A request waits for memory. */
        MEMORY,
        PAYLOAD,
        /** A refused WRITE's payload passes. */
        SKIP,
        /** The client said goodbye: nothing more is read. */
        OVER
    }

    private final NbdSession session;
    private final ChannelHandlerContext ctx;
    private final NbdExport export;
    private final VolumeIo volume;
    private final RequestRules rules;
    private final ReplyWriter writer;
    private final SessionMemory memory;
    private final PayloadCollector payload;
    private final FinishedRequests finished = new FinishedRequests();
    private final ByteBuf header = Unpooled.buffer(NbdProtocol.REQUEST_BYTES);

    private State state = State.HEADER;
    private Request current;
    private NbdErrno refusal;
    private String refusalMessage;
    private long skipBytes;

    /** Read, and not yet answered in full. */
    private int inFlight;

    /** Null until the client ends its side while replies are due. */
    private HalfClosedChannel halfClosed;

    private boolean ending;
    private boolean inactive;
    private boolean left;
    private long lastProgressNanos = System.nanoTime();
    private long outboundMark;

    /**
     * @param statusAgreed whether {@code base:allocation} was selected for this export
     */
    Transmission(
            NbdSession session,
            ChannelHandlerContext ctx,
            NbdExport export,
            boolean structuredReplies,
            boolean statusAgreed) {
        this.session = session;
        this.ctx = ctx;
        this.export = export;
        this.volume = export.volume();
        this.rules =
                new RequestRules(
                        export.description().sizeBytes(),
                        export.description().readOnly(),
                        structuredReplies,
                        statusAgreed);
        this.writer = new ReplyWriter(ctx, structuredReplies, this::repliesSent);
        this.memory =
                new SessionMemory(
                        session.limits(),
                        session.budget(),
                        () -> ctx.executor().execute(this::memoryGranted));
        this.payload = new PayloadCollector(ctx.alloc());
        export.enter(
                ctx.channel().eventLoop(), () -> state == State.OVER || session.isInputEnding());
        export.ended().thenAccept(reason -> ctx.executor().execute(() -> end(reason)));
    }

    @Override
    public boolean consume(ByteBuf in) {
        while (in.isReadable()) {
            switch (state) {
                case HEADER -> {
                    if (inFlight >= session.limits().maxInFlightRequests()) {
                        return false;
                    }
                    readHeader(in);
                }
                case MEMORY -> {
                    return false;
                }
                case PAYLOAD -> {
                    payload.take(in);
                    lastProgressNanos = System.nanoTime();
                    if (payload.isComplete()) {
                        state = State.HEADER;
                        dispatch(takeCurrent());
                    }
                }
                case SKIP -> {
                    int step = (int) Math.min(skipBytes, in.readableBytes());
                    in.skipBytes(step);
                    skipBytes -= step;
                    if (skipBytes == 0) {
                        state = State.HEADER;
                        refuse(takeCurrent());
                    }
                }
                case OVER -> in.skipBytes(in.readableBytes());
            }
        }
        return state != State.MEMORY;
    }

    private void readHeader(ByteBuf in) {
        if (!header.isReadable() && in.readableBytes() >= NbdProtocol.REQUEST_BYTES) {
            onHeader(in);
            return;
        }
        in.readBytes(
                header,
                Math.min(NbdProtocol.REQUEST_BYTES - header.readableBytes(), in.readableBytes()));
        if (header.readableBytes() == NbdProtocol.REQUEST_BYTES) {
            onHeader(header);
            header.clear();
        }
    }

    private void onHeader(ByteBuf in) {
        int magic = in.readInt();
        int flags = in.readUnsignedShort();
        int type = in.readUnsignedShort();
        Request request =
                new Request(in.readLong(), type, flags, in.readLong(), in.readUnsignedInt());
        if (magic != NbdProtocol.REQUEST_MAGIC) {
            // Out of step: whatever follows could be taken for requests.
            LOG.warn("closing {}: bad request magic {}", ctx.channel(), Integer.toHexString(magic));
            state = State.OVER;
            ctx.close();
            return;
        }
        if (type == NbdProtocol.CMD_DISC) {
            goodbye();
            return;
        }
        inFlight++;
        current = request;
        refusal = ending ? NbdErrno.ESHUTDOWN : rules.check(request);
        if (refusal != NbdErrno.OK) {
            refusalMessage = ending ? "the export is closing" : rules.explain(request, refusal);
            skipBytes = type == NbdProtocol.CMD_WRITE ? request.lengthBytes : 0;
            if (skipBytes > 0) {
                state = State.SKIP;
            } else {
                refuse(takeCurrent());
            }
        } else if (memory.reserve(request)) {
            admit();
        } else {
            state = State.MEMORY;
        }
    }

    /** Memory for the current request is held: take its payload, or pass it on. */
    private void admit() {
        lastProgressNanos = System.nanoTime();
        if (current.type == NbdProtocol.CMD_WRITE && current.lengthBytes > 0) {
            payload.expect((int) current.lengthBytes);
            state = State.PAYLOAD;
        } else {
            state = State.HEADER;
            dispatch(takeCurrent());
        }
    }

    private void memoryGranted() {
        if (state == State.MEMORY && memory.takeGrant(current)) {
            admit();
            session.resume();
        }
    }

    private Request takeCurrent() {
        Request request = current;
        current = null;
        return request;
    }

    private void refuse(Request request) {
        writer.error(request, refusal, refusalMessage);
    }

    private void dispatch(Request request) {
        CompletableFuture<?> outcome;
        try {
            outcome = start(request);
        } catch (RuntimeException failure) {
            outcome = CompletableFuture.failedFuture(failure);
        }
        outcome.whenComplete(
                (reply, failure) -> {
                    request.replyData = reply instanceof ByteBuf data ? data : null;
                    request.failure = failure;
                    if (finished.add(request)) {
                        wake();
                    }
                });
    }

    private void wake() {
        try {
            ctx.executor().execute(this::answerFinished);
        } catch (RejectedExecutionException ended) {
            // The server ended before the volume answered. Nothing else touches this any more.
            synchronized (finished) {
                answerFinished();
            }
        }
    }

    private CompletableFuture<?> start(Request request) {
        long offset = request.offsetBytes;
        long length = request.lengthBytes;
        if (length == 0 && request.type != NbdProtocol.CMD_FLUSH) {
            // Nothing to do, and nothing that a volume need care for.
            return CompletableFuture.completedFuture(
                    request.type == NbdProtocol.CMD_READ ? Unpooled.EMPTY_BUFFER : null);
        }
        return switch (request.type) {
            case NbdProtocol.CMD_READ -> volume.read(offset, (int) length);
            case NbdProtocol.CMD_WRITE -> volume.write(offset, payload.complete());
            case NbdProtocol.CMD_FLUSH -> volume.flush();
            case NbdProtocol.CMD_TRIM -> volume.discard(offset, length);
            case NbdProtocol.CMD_CACHE -> Prefetch.run(volume, offset, length);
            case NbdProtocol.CMD_WRITE_ZEROES ->
                    volume.writeZeroes(offset, length, request.has(NbdProtocol.CMD_FLAG_NO_HOLE));
            case NbdProtocol.CMD_BLOCK_STATUS -> blockStatus(request);
            default -> throw new IllegalStateException(request.toString());
        };
    }

    private CompletableFuture<ByteBuf> blockStatus(Request request) {
        int maxRuns = request.has(NbdProtocol.CMD_FLAG_REQ_ONE) ? 1 : BlockStatus.MAX_RUNS;
        return volume.allocation(request.offsetBytes, request.lengthBytes, maxRuns)
                .thenApply(
                        allocation -> {
                            ByteBuf out = ctx.alloc().buffer();
                            try {
                                BlockStatus.encode(request, allocation, out);
                                return out.retain();
                            } finally {
                                out.release();
                            }
                        });
    }

    private void answerFinished() {
        if (halfClosed != null && halfClosed.isBusy() && !inactive) {
            return;
        }
        Request request = finished.takeAll();
        while (request != null) {
            Request next = request.next;
            request.next = null;
            answer(request);
            request = next;
        }
        writer.flush();
        if (halfClosed != null) {
            halfClosed.afterFlush();
        }
    }

    private void answer(Request request) {
        ByteBuf data = request.replyData;
        request.replyData = null;
        lastProgressNanos = System.nanoTime();
        if (inactive) {
            if (data != null) {
                data.release();
            }
            memory.release(request);
            repliesSent(1);
        } else if (request.failure != null) {
            memory.release(request);
            answerFailure(request, NbdErrno.cause(request.failure));
        } else if (data == null) {
            memory.release(request);
            writer.done(request);
        } else if (request.type == NbdProtocol.CMD_BLOCK_STATUS) {
            writer.blockStatus(request, data, () -> payloadSent(request));
        } else if (data.readableBytes() != request.lengthBytes) {
            // A wrong byte is worse than an error: the lengths must agree.
            int lengthBytes = data.readableBytes();
            data.release();
            memory.release(request);
            answerFailure(
                    request,
                    new MirachException(
                            ErrorCode.INTERNAL, "the volume answered " + lengthBytes + " bytes"));
        } else {
            writer.data(request, data, () -> payloadSent(request));
        }
        if (state == State.MEMORY) {
            memoryGranted();
        }
    }

    private void answerFailure(Request request, MirachException cause) {
        NbdErrno errno = NbdErrno.of(cause.code(), request.type);
        if (cause.code() == ErrorCode.INTERNAL) {
            LOG.error("{} on {} failed", request, export.description().name(), cause);
        } else {
            LOG.debug("{} on {}: {}", request, export.description().name(), cause.toString());
        }
        writer.error(request, errno, cause.toString());
        if (errno == NbdErrno.ESHUTDOWN) {
            end(cause);
        }
    }

    private void payloadSent(Request request) {
        lastProgressNanos = System.nanoTime();
        memory.release(request);
        if (state == State.MEMORY) {
            memoryGranted();
        }
    }

    /** Replies have left for the socket, or were lost with it. */
    private void repliesSent(int replies) {
        boolean wasFull = inFlight >= session.limits().maxInFlightRequests();
        inFlight -= replies;
        lastProgressNanos = System.nanoTime();
        if (halfClosed != null) {
            halfClosed.afterSent();
        }
        if (isIdle()) {
            onIdle();
        }
        if (wasFull && !inactive) {
            session.resume();
        }
    }

    /** Whether nothing that was received in full awaits its answer. */
    private boolean isIdle() {
        return inFlight == (current == null ? 0 : 1);
    }

    private void onIdle() {
        if (inactive) {
            leave();
        } else if (state == State.OVER) {
            // Not at once: this may run inside the flush of the last reply.
            ctx.executor().execute(ctx::close);
        } else if (ending) {
            session.finish();
        }
    }

    /** Every request so far is answered before the connection closes. */
    private void goodbye() {
        state = State.OVER;
        if (inFlight == 0) {
            ctx.close();
        }
    }

    private void end(MirachException reason) {
        if (ending || inactive || state == State.OVER) {
            return;
        }
        ending = true;
        LOG.info(
                "ending {} on {}: {}",
                ctx.channel(),
                export.description().name(),
                reason.toString());
        if (isIdle()) {
            session.finish();
        }
    }

    @Override
    public void flush() {
        writer.flush();
    }

    @Override
    public void onInputEnd() {
        // Also a client that ends without DISC may wait for replies. A request cut short has no
        // effect and gets none.
        dropIncomplete();
        if (state != State.OVER) {
            goodbye();
        }
        if (inFlight > 0 && HalfClosedChannel.concerns(ctx.channel())) {
            writer.flush();
            halfClosed = HalfClosedChannel.of(ctx.channel(), this::answerFinished);
        }
    }

    @Override
    public void onWritable() {
        lastProgressNanos = System.nanoTime();
    }

    @Override
    public void onInactive() {
        inactive = true;
        dropIncomplete();
        state = State.OVER;
        writer.release();
        answerFinished();
        if (inFlight == 0) {
            leave();
        }
    }

    /** Forgets a request whose payload has not arrived in full, or that waits for memory. */
    private void dropIncomplete() {
        payload.release();
        memory.cancel();
        if (current != null) {
            Request request = takeCurrent();
            memory.release(request);
            inFlight--;
        }
    }

    private void leave() {
        if (!left) {
            left = true;
            memory.cancel();
            export.leave();
        }
    }

    @Override
    public void shutDown() {
        end(new MirachException(ErrorCode.SHUTTING_DOWN, "the gateway is shutting down"));
    }

    @Override
    public boolean isStalled(long nowNanos, long timeoutNanos) {
        ChannelOutboundBuffer outbound = ctx.channel().unsafe().outboundBuffer();
        if (outbound != null) {
            // A large reply may move for long without a write completing.
            long mark = outbound.totalPendingWriteBytes() * 31 + outbound.currentProgress();
            if (mark != outboundMark) {
                outboundMark = mark;
                lastProgressNanos = nowNanos;
            }
        }
        return memory.holdsPooled()
                && (state == State.PAYLOAD || !ctx.channel().isWritable())
                && nowNanos - lastProgressNanos > timeoutNanos;
    }
}
