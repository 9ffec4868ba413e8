package io.mirach.client;

import io.mirach.client.InFlight.Generation;
import io.mirach.client.routing.ExtentMapper;
import io.mirach.client.routing.ExtentMapper.Part;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.IoLimits;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Block I/O under one {@link VolumeLife}. A request is cut into parts, which are sent as the
 * session's budget of bytes allows, and is done when they are. Thread-safe without a thread of its
 * own: a request starts on the caller's thread, and goes on and ends on the event loop that
 * received the last reply.
 */
class VolumeSession implements VolumeIo {
    private static final int MAX_REQUEST_BYTES = 32 << 20;
    // What a part that carries no payload takes of the budget.
    private static final long BARE_PART_BYTES = 512;

    private final VolumeLife life;
    private final ExtentMapper mapper;
    private final WriteParts writes;
    private final ReadParts reads;
    private final AllocationQuery allocations;
    private final ByteBufAllocator allocator;
    private final EventExecutor timer;
    private final Duration requestTimeout;

    private final ByteBudget budget;
    private final long maxBytesQueued;
    private final int maxRequests;
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicLong bytesQueued = new AtomicLong();
    private final InFlight allInFlight = new InFlight();
    private final InFlight writesInFlight = new InFlight();
    private final Set<Operation<?>> operations = ConcurrentHashMap.newKeySet();
    private final AbandonedWrites abandoned;
    private final IoThrottle throttle;

    /**
     * @param abandonedBytes data of writes that were given up, over all volumes of the client
     */
    VolumeSession(
            VolumeCalls calls,
            MirachClientConfig config,
            ByteBufAllocator allocator,
            EventExecutor timer,
            AtomicLong abandonedBytes) {
        this.life = calls.life();
        this.mapper = new ExtentMapper(life.volume().extentBytes());
        this.writes = new WriteParts(calls, allocator);
        this.reads = new ReadParts(calls, allocator);
        this.allocations = new AllocationQuery(calls, allocator);
        this.allocator = allocator;
        this.timer = timer;
        this.requestTimeout = config.requestTimeout();
        this.abandoned = new AbandonedWrites(abandonedBytes);
        this.budget = new ByteBudget(config.maxBytesInFlight());
        this.maxBytesQueued = config.maxBytesQueued();
        this.maxRequests = config.maxRequests();
        this.throttle = new IoThrottle(this::runLater, System::nanoTime);
        life.onEnd(
                reason -> {
                    operations.forEach(operation -> operation.fail(reason));
                    throttle.lift();
                });
    }

    /** Has requests keep to these limits, those that wait already too. */
    final void limit(IoLimits limits) {
        throttle.limit(limits);
    }

    private void runLater(Runnable task, long delayNanos) {
        try {
            timer.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException closing) {
            // The client is closed, and so is each session.
            throttle.lift();
        }
    }

    /**
     * A request from its admission until nothing of it is on its way any more. It is counted in
     * before it is checked, so that a detach or an end at that moment either sees it or is seen.
     */
    private final class Operation<T> {
        private final CompletableFuture<T> result = new CompletableFuture<>();
        private final AtomicBoolean told = new AtomicBoolean();
        private final long queuedBytes;
        private final Generation generation = allInFlight.begin();
        private final Optional<Generation> writeGeneration;

        Operation(long queuedBytes, boolean isWrite) {
            this.queuedBytes = queuedBytes;
            this.writeGeneration = isWrite ? Optional.of(writesInFlight.begin()) : Optional.empty();
            requests.incrementAndGet();
            bytesQueued.addAndGet(queuedBytes);
            operations.add(this);
        }

        /** False if the caller was told something else before; then it does not get the value. */
        boolean succeed(T value) {
            return tell(() -> result.complete(value));
        }

        void fail(Throwable failure) {
            tell(() -> result.completeExceptionally(causeOf(failure)));
        }

        private boolean tell(Runnable outcome) {
            if (!told.compareAndSet(false, true)) {
                return false;
            }
            operations.remove(this);
            outcome.run();
            // Only now: a flush that waited for this write completes after it.
            writeGeneration.ifPresent(writesInFlight::end);
            return true;
        }

        /** Nothing of it is left. */
        void settle() {
            requests.decrementAndGet();
            bytesQueued.addAndGet(-queuedBytes);
            allInFlight.end(generation);
        }

        /** The outcome is known without anything having been sent. */
        CompletableFuture<T> endAtOnce(Optional<MirachException> refusal, T value) {
            settle();
            refusal.ifPresentOrElse(this::fail, () -> succeed(value));
            return result;
        }
    }

    @Override
    public final String name() {
        return life.name();
    }

    @Override
    public final long sizeBytes() {
        return life.sizeBytes();
    }

    @Override
    public final boolean readOnly() {
        return life.readOnly();
    }

    @Override
    public final CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        Operation<ByteBuf> operation = new Operation<>(0, false);
        Optional<MirachException> refusal =
                refusal(offsetBytes, lengthBytes, MAX_REQUEST_BYTES, false);
        if (refusal.isPresent() || lengthBytes == 0) {
            return operation.endAtOnce(refusal, ZeroBytes.of(0));
        }
        ReadResult parts = new ReadResult(mapper.partCount(offsetBytes, lengthBytes));
        PartRun run =
                new PartRun(
                        offsetBytes,
                        offsetBytes + lengthBytes,
                        mapper::firstPart,
                        Part::lengthBytes,
                        budget,
                        (part, index) ->
                                reads.read(part).thenAccept(bytes -> parts.set(index, bytes)));
        throttle.read(lengthBytes, () -> startRead(operation, run, parts));
        return operation.result;
    }

    private void startRead(Operation<ByteBuf> operation, PartRun run, ReadResult parts) {
        limitTime(operation, () -> {});
        run.start()
                .whenComplete(
                        (ok, failure) -> {
                            operation.settle();
                            if (failure != null) {
                                parts.release();
                                operation.fail(failure);
                                return;
                            }
                            ByteBuf bytes = parts.joined(allocator);
                            if (!operation.succeed(bytes)) {
                                bytes.release();
                            }
                        });
    }

    @Override
    public final CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        int lengthBytes = data.readableBytes();
        Operation<Void> operation = new Operation<>(lengthBytes, true);
        Optional<MirachException> refusal =
                refusal(offsetBytes, lengthBytes, MAX_REQUEST_BYTES, true);
        if (refusal.isPresent() || lengthBytes == 0) {
            data.release();
            return operation.endAtOnce(refusal, null);
        }
        int start = data.readerIndex();
        long endBytes = offsetBytes + lengthBytes;
        PartRun run =
                new PartRun(
                        offsetBytes,
                        endBytes,
                        mapper::firstPart,
                        Part::lengthBytes,
                        budget,
                        (part, index) -> {
                            int from = start + (int) (part.offsetBytes() - offsetBytes);
                            ByteBuf bytes = data.retainedSlice(from, part.lengthBytes());
                            return writes.write(part, bytes, false);
                        });
        return change(operation, offsetBytes, endBytes, lengthBytes, run, data::release);
    }

    @Override
    public final CompletableFuture<Void> writeZeroes(
            long offsetBytes, long lengthBytes, boolean keepAllocated) {
        Operation<Void> operation = new Operation<>(0, true);
        Optional<MirachException> refusal = refusal(offsetBytes, lengthBytes, Long.MAX_VALUE, true);
        if (refusal.isPresent() || lengthBytes == 0) {
            return operation.endAtOnce(refusal, null);
        }
        long endBytes = offsetBytes + lengthBytes;
        if (!keepAllocated) {
            return zero(operation, offsetBytes, endBytes);
        }
        PartRun run =
                new PartRun(
                        offsetBytes,
                        endBytes,
                        mapper::firstPart,
                        Part::lengthBytes,
                        budget,
                        (part, index) ->
                                writes.write(part, ZeroBytes.of(part.lengthBytes()), true));
        long chargedBytes = Math.min(lengthBytes, MAX_REQUEST_BYTES);
        return change(operation, offsetBytes, endBytes, chargedBytes, run, () -> {});
    }

    @Override
    public final CompletableFuture<Void> discard(long offsetBytes, long lengthBytes) {
        Operation<Void> operation = new Operation<>(0, true);
        Optional<MirachException> refusal = refusal(offsetBytes, lengthBytes, Long.MAX_VALUE, true);
        if (refusal.isPresent()) {
            return operation.endAtOnce(refusal, null);
        }
        // Inward: bytes of a block that is only partly discarded are kept.
        long first = (offsetBytes + Block.BYTES - 1) / Block.BYTES * Block.BYTES;
        long end = (offsetBytes + lengthBytes) / Block.BYTES * Block.BYTES;
        if (first >= end) {
            return operation.endAtOnce(Optional.empty(), null);
        }
        return zero(operation, first, end);
    }

    private CompletableFuture<Void> zero(
            Operation<Void> operation, long offsetBytes, long endBytes) {
        PartRun run =
                new PartRun(
                        offsetBytes,
                        endBytes,
                        mapper::firstExtentPart,
                        part -> BARE_PART_BYTES,
                        budget,
                        (part, index) -> writes.zero(part));
        return change(operation, offsetBytes, endBytes, 0, run, () -> {});
    }

    /**
     * Runs a write of any kind; {@code cleanUp} runs when nothing of it is on its way any more.
     *
     * @param chargedBytes how much it counts where bytes are limited
     */
    private CompletableFuture<Void> change(
            Operation<Void> operation,
            long offsetBytes,
            long endBytes,
            long chargedBytes,
            PartRun run,
            Runnable cleanUp) {
        throttle.write(
                chargedBytes, () -> startChange(operation, offsetBytes, endBytes, run, cleanUp));
        return operation.result;
    }

    private void startChange(
            Operation<Void> operation,
            long offsetBytes,
            long endBytes,
            PartRun run,
            Runnable cleanUp) {
        CompletableFuture<Void> settled = new CompletableFuture<>();
        // Known as abandoned before its caller is told so: the caller may write again at once.
        limitTime(
                operation,
                () -> abandoned.add(offsetBytes, endBytes, operation.queuedBytes, settled));
        CompletableFuture<Void> ended =
                abandoned.isEmpty()
                        ? run.start()
                        : abandoned
                                .clear(offsetBytes, endBytes)
                                .thenCompose(nothingInTheWay -> run.start());
        ended.whenComplete(
                (ok, failure) -> {
                    cleanUp.run();
                    operation.settle();
                    settled.complete(null);
                    if (failure != null) {
                        operation.fail(failure);
                    } else {
                        operation.succeed(null);
                    }
                });
    }

    @Override
    public final CompletableFuture<Void> flush() {
        Optional<MirachException> refusal = life.refusal();
        if (refusal.isPresent()) {
            return CompletableFuture.failedFuture(refusal.get());
        }
        // What was acknowledged is durable already; this also waits for what is on its way.
        CompletableFuture<Void> written = writesInFlight.barrier();
        if (written.isDone()) {
            return written.copy();
        }
        return written.thenCompose(
                done ->
                        life.endedBy()
                                .<CompletableFuture<Void>>map(CompletableFuture::failedFuture)
                                .orElseGet(() -> CompletableFuture.completedFuture(null)));
    }

    @Override
    public final CompletableFuture<Allocation> allocation(
            long offsetBytes, long lengthBytes, int maxRuns) {
        Operation<Allocation> operation = new Operation<>(0, false);
        Optional<MirachException> refusal =
                lengthBytes == 0 || maxRuns < 1
                        ? refused(
                                ErrorCode.INVALID_ARGUMENT,
                                "allocation of "
                                        + lengthBytes
                                        + " bytes, at most "
                                        + maxRuns
                                        + " runs")
                        : refusal(offsetBytes, lengthBytes, Long.MAX_VALUE, false);
        if (refusal.isPresent()) {
            return operation.endAtOnce(refusal, null);
        }
        limitTime(operation, () -> {});
        allocations
                .ask(BlockRange.covering(offsetBytes, lengthBytes), maxRuns)
                .whenComplete(
                        (allocation, failure) -> {
                            operation.settle();
                            if (failure != null) {
                                operation.fail(failure);
                            } else {
                                operation.succeed(allocation);
                            }
                        });
        return operation.result;
    }

    @Override
    public final CompletableFuture<Void> closed() {
        return life.closed().copy();
    }

    /** Completes once nothing that has begun is on its way any more. Limits hold no longer. */
    final CompletableFuture<Void> settled() {
        throttle.lift();
        return allInFlight.barrier();
    }

    /** Why a request is refused at once; empty if it may go on. */
    private Optional<MirachException> refusal(
            long offsetBytes, long lengthBytes, long maxBytes, boolean isWrite) {
        Optional<MirachException> over = life.refusal();
        if (over.isPresent()) {
            return over;
        }
        if (isWrite && readOnly()) {
            return refused(ErrorCode.READ_ONLY, name() + " is read-only");
        }
        long sizeBytes = sizeBytes();
        // Written so that no sum can overflow.
        if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes > sizeBytes - lengthBytes) {
            return refused(
                    ErrorCode.OUT_OF_RANGE,
                    offsetBytes + " + " + lengthBytes + " bytes of a volume of " + sizeBytes);
        }
        if (lengthBytes > maxBytes) {
            return refused(
                    ErrorCode.INVALID_ARGUMENT,
                    "a request of " + lengthBytes + " bytes; at most " + maxBytes);
        }
        if (isWrite && abandoned.isFull()) {
            return refused(
                    ErrorCode.TIMEOUT,
                    "writes that were not answered in time are still on their way, and hold "
                            + (AbandonedWrites.MAX_BYTES >> 20)
                            + " MiB");
        }
        if (requests.get() > maxRequests || bytesQueued.get() > maxBytesQueued) {
            return refused(
                    ErrorCode.BACK_PRESSURED, "too many requests to volume " + name() + " already");
        }
        return Optional.empty();
    }

    private static Optional<MirachException> refused(ErrorCode code, String detail) {
        return Optional.of(new MirachException(code, detail));
    }

    /**
     * Has the operation fail when the configured time is over.
     *
     * @param beforeGivingUp runs before its caller is told
     */
    private void limitTime(Operation<?> operation, Runnable beforeGivingUp) {
        if (requestTimeout.isZero()) {
            return;
        }
        MirachException late =
                new MirachException(
                        ErrorCode.TIMEOUT,
                        "volume "
                                + name()
                                + " did not answer within "
                                + requestTimeout.toMillis()
                                + " ms");
        Runnable giveUp =
                () -> {
                    beforeGivingUp.run();
                    operation.fail(late);
                };
        try {
            var timeout = timer.schedule(giveUp, requestTimeout.toNanos(), TimeUnit.NANOSECONDS);
            operation.result.whenComplete((value, failure) -> timeout.cancel(false));
        } catch (RejectedExecutionException closing) {
            operation.fail(new MirachException(ErrorCode.SHUTTING_DOWN, "client is closed"));
        }
    }

    private static Throwable causeOf(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
    }
}
