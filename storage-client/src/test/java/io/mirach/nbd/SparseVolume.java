package io.mirach.nbd;

import io.mirach.client.AttachedVolume;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * A volume in memory that keeps to {@link AttachedVolume}'s contract: sparse in blocks, all-zero
 * blocks become holes unless they are to be kept. Requests run on {@code executor}; a test may hold
 * them back, and release them in any order, or make them fail.
 */
public final class SparseVolume implements AttachedVolume {
    private final String name;
    private final long sizeBytes;
    private final boolean readOnly;
    private final Executor executor;
    private final TreeMap<Long, byte[]> blocks = new TreeMap<>();
    private final ArrayDeque<Runnable> held = new ArrayDeque<>();
    private final List<String> calls = new ArrayList<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final CompletableFuture<MirachException> explanation = new CompletableFuture<>();
    private boolean holding;
    private ErrorCode failing = ErrorCode.OK;

    public SparseVolume(String name, long sizeBytes, boolean readOnly, Executor executor) {
        this.name = name;
        this.sizeBytes = sizeBytes;
        this.readOnly = readOnly;
        this.executor = executor;
    }

    public SparseVolume(String name, long sizeBytes) {
        this(name, sizeBytes, false, Runnable::run);
    }

    /** From now on requests wait for {@link #releaseOldest} or {@link #releaseNewest}. */
    public synchronized void hold() {
        holding = true;
    }

    public synchronized int heldCount() {
        return held.size();
    }

    public void releaseOldest() {
        take(true).run();
    }

    public void releaseNewest() {
        take(false).run();
    }

    private synchronized Runnable take(boolean oldest) {
        return oldest ? held.removeFirst() : held.removeLast();
    }

    /** Lets everything go, and holds nothing any more. */
    public void releaseAll() {
        List<Runnable> all;
        synchronized (this) {
            holding = false;
            all = List.copyOf(held);
            held.clear();
        }
        all.forEach(Runnable::run);
    }

    /** From now on requests fail with this; OK ends it. */
    public synchronized void failWith(ErrorCode code) {
        failing = code;
    }

    /** What was asked, in order, as text. */
    public synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    public synchronized int allocatedBlocks() {
        return blocks.size();
    }

    /** The attachment was revoked. */
    public void fence() {
        fenceUnexplained("another attached it");
        explain("another attached it");
    }

    /** The attachment was revoked, and who tells that does not know why. */
    public void fenceUnexplained(String said) {
        failWith(ErrorCode.FENCED);
        closed.completeExceptionally(new MirachException(ErrorCode.FENCED, said));
    }

    public void explain(String why) {
        explanation.complete(new MirachException(ErrorCode.FENCED, why));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Epoch epoch() {
        return new Epoch(1);
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return run(
                "read " + offsetBytes + " " + lengthBytes,
                offsetBytes,
                lengthBytes,
                () -> {
                    ByteBuf out = PooledByteBufAllocator.DEFAULT.buffer(lengthBytes, lengthBytes);
                    forEachPart(
                            offsetBytes,
                            lengthBytes,
                            (block, from, length) -> {
                                byte[] stored = blocks.get(block);
                                if (stored == null) {
                                    out.writeZero(length);
                                } else {
                                    out.writeBytes(stored, from, length);
                                }
                            });
                    return out;
                });
    }

    @Override
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        int lengthBytes = data.readableBytes();
        CompletableFuture<Void> outcome =
                change(
                        "write " + offsetBytes + " " + lengthBytes,
                        offsetBytes,
                        lengthBytes,
                        () ->
                                forEachPart(
                                        offsetBytes,
                                        lengthBytes,
                                        (block, from, length) -> {
                                            data.readBytes(stored(block), from, length);
                                            dropIfZero(block);
                                        }));
        return outcome.whenComplete((done, failure) -> data.release());
    }

    @Override
    public CompletableFuture<Void> writeZeroes(
            long offsetBytes, long lengthBytes, boolean keepAllocated) {
        return change(
                "zero " + offsetBytes + " " + lengthBytes + (keepAllocated ? " keep" : ""),
                offsetBytes,
                lengthBytes,
                () -> {
                    if (keepAllocated) {
                        forEachPart(
                                offsetBytes,
                                lengthBytes,
                                (block, from, length) -> zero(block, from, length));
                    } else {
                        zeroStored(offsetBytes, lengthBytes);
                    }
                });
    }

    @Override
    public CompletableFuture<Void> discard(long offsetBytes, long lengthBytes) {
        return change(
                "discard " + offsetBytes + " " + lengthBytes,
                offsetBytes,
                lengthBytes,
                () -> {
                    long first = Block.indexOf(offsetBytes + Block.BYTES - 1);
                    long end = Block.indexOf(offsetBytes + lengthBytes);
                    if (first < end) {
                        blocks.subMap(first, end).clear();
                    }
                });
    }

    @Override
    public CompletableFuture<Void> flush() {
        return run("flush", 0, 0, () -> null);
    }

    @Override
    public CompletableFuture<Allocation> allocation(
            long offsetBytes, long lengthBytes, int maxRuns) {
        return run(
                "allocation " + offsetBytes + " " + lengthBytes + " " + maxRuns,
                offsetBytes,
                lengthBytes,
                () -> {
                    BlockRange asked = BlockRange.covering(offsetBytes, lengthBytes);
                    List<BlockRange> runs = new ArrayList<>();
                    for (long block :
                            blocks.subMap(asked.firstBlock(), asked.endBlock()).keySet()) {
                        BlockRange last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
                        if (last != null && last.endBlock() == block) {
                            runs.set(
                                    runs.size() - 1,
                                    new BlockRange(last.firstBlock(), last.blockCount() + 1));
                        } else if (runs.size() == maxRuns) {
                            return new Allocation(last.endBlock(), runs);
                        } else {
                            runs.add(new BlockRange(block, 1));
                        }
                    }
                    return new Allocation(asked.endBlock(), runs);
                });
    }

    @Override
    public CompletableFuture<Void> closed() {
        return closed;
    }

    @Override
    public CompletableFuture<MirachException> explanation() {
        return explanation;
    }

    @Override
    public CompletableFuture<Void> detach() {
        synchronized (this) {
            calls.add("detach");
        }
        closed.complete(null);
        explanation.complete(new MirachException(ErrorCode.NOT_ATTACHED, "detached"));
        return CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> change(
            String call, long offsetBytes, long lengthBytes, Runnable change) {
        if (readOnly) {
            return CompletableFuture.failedFuture(
                    new MirachException(ErrorCode.READ_ONLY, "attached read-only"));
        }
        return run(
                call,
                offsetBytes,
                lengthBytes,
                () -> {
                    change.run();
                    return null;
                });
    }

    private <T> CompletableFuture<T> run(
            String call, long offsetBytes, long lengthBytes, Supplier<T> work) {
        CompletableFuture<T> outcome = new CompletableFuture<>();
        Runnable task = () -> complete(outcome, offsetBytes, lengthBytes, work);
        synchronized (this) {
            calls.add(call);
            if (holding) {
                held.add(task);
                return outcome;
            }
        }
        executor.execute(task);
        return outcome;
    }

    private <T> void complete(
            CompletableFuture<T> outcome, long offsetBytes, long lengthBytes, Supplier<T> work) {
        T result;
        synchronized (this) {
            if (failing != ErrorCode.OK) {
                outcome.completeExceptionally(new MirachException(failing, "made to fail"));
                return;
            }
            if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes > sizeBytes - lengthBytes) {
                outcome.completeExceptionally(
                        new MirachException(ErrorCode.OUT_OF_RANGE, "outside the volume"));
                return;
            }
            result = work.get();
        }
        outcome.complete(result);
    }

    private void zeroStored(long offsetBytes, long lengthBytes) {
        BlockRange range = BlockRange.covering(offsetBytes, lengthBytes);
        Map<Long, byte[]> touched =
                new TreeMap<>(blocks.subMap(range.firstBlock(), range.endBlock()));
        for (long block : touched.keySet()) {
            long start = Math.max(offsetBytes, block * Block.BYTES);
            long end = Math.min(offsetBytes + lengthBytes, (block + 1) * Block.BYTES);
            zero(block, (int) (start % Block.BYTES), (int) (end - start));
            dropIfZero(block);
        }
    }

    private void zero(long block, int from, int length) {
        java.util.Arrays.fill(stored(block), from, from + length, (byte) 0);
    }

    private byte[] stored(long block) {
        return blocks.computeIfAbsent(block, unknown -> new byte[Block.BYTES]);
    }

    private void dropIfZero(long block) {
        for (byte b : blocks.get(block)) {
            if (b != 0) {
                return;
            }
        }
        blocks.remove(block);
    }

    private interface Part {
        void accept(long block, int from, int length);
    }

    private static void forEachPart(long offsetBytes, long lengthBytes, Part part) {
        long position = offsetBytes;
        long end = offsetBytes + lengthBytes;
        while (position < end) {
            int from = (int) (position % Block.BYTES);
            int length = (int) Math.min(Block.BYTES - from, end - position);
            part.accept(Block.indexOf(position), from, length);
            position += length;
        }
    }
}
