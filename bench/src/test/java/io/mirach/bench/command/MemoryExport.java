package io.mirach.bench.command;

import io.mirach.client.AttachedVolume;
import io.mirach.model.Block;
import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.nbd.ExportCatalog;
import io.mirach.nbd.ExportDescription;
import io.mirach.nbd.NbdExport;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A volume in memory and its export, {@code disk}. Thread-safe. */
final class MemoryExport implements ExportCatalog, AttachedVolume {
    static final int SIZE_BYTES = 8 << 20;
    private static final CompletableFuture<Void> DONE = CompletableFuture.completedFuture(null);

    private final byte[] bytes = new byte[SIZE_BYTES];
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private boolean holdsData;
    private boolean failing;

    /** Requests fail from now on. */
    synchronized void fail() {
        failing = true;
    }

    /** As if somebody had written the last block. */
    synchronized void putData() {
        holdsData = true;
        bytes[SIZE_BYTES - 1] = 42;
    }

    synchronized byte lastByte() {
        return bytes[SIZE_BYTES - 1];
    }

    private ExportDescription description() {
        return new ExportDescription("disk", SIZE_BYTES, false, "");
    }

    @Override
    public List<ExportDescription> list() {
        return List.of(description());
    }

    @Override
    public CompletableFuture<Optional<ExportDescription>> describe(String name) {
        return CompletableFuture.completedFuture(
                Optional.of(description()).filter(export -> export.name().equals(name)));
    }

    @Override
    public CompletableFuture<NbdExport> open(String name) {
        return name.equals("disk")
                ? CompletableFuture.completedFuture(new NbdExport(description(), this, left -> {}))
                : CompletableFuture.failedFuture(
                        new MirachException(
                                ErrorCode.NO_SUCH_VOLUME, "no export is named '" + name + "'"));
    }

    @Override
    public String name() {
        return "disk";
    }

    @Override
    public Epoch epoch() {
        return new Epoch(1);
    }

    @Override
    public long sizeBytes() {
        return SIZE_BYTES;
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public synchronized CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return failing
                ? failure()
                : CompletableFuture.completedFuture(
                        Unpooled.copiedBuffer(bytes, (int) offsetBytes, lengthBytes));
    }

    private static <T> CompletableFuture<T> failure() {
        return CompletableFuture.failedFuture(
                new MirachException(ErrorCode.INTERNAL, "made to fail"));
    }

    @Override
    public synchronized CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        try {
            if (failing) {
                return failure();
            }
            holdsData = true;
            data.getBytes(data.readerIndex(), bytes, (int) offsetBytes, data.readableBytes());
            return DONE;
        } finally {
            data.release();
        }
    }

    @Override
    public CompletableFuture<Void> writeZeroes(
            long offsetBytes, long lengthBytes, boolean keepAllocated) {
        return DONE;
    }

    @Override
    public CompletableFuture<Void> discard(long offsetBytes, long lengthBytes) {
        return DONE;
    }

    @Override
    public CompletableFuture<Void> flush() {
        return DONE;
    }

    /** Only the last block can hold data. */
    @Override
    public synchronized CompletableFuture<Allocation> allocation(
            long offsetBytes, long lengthBytes, int maxRuns) {
        long endBlock = (offsetBytes + lengthBytes) >> Block.SHIFT;
        boolean last = holdsData && offsetBytes + lengthBytes == SIZE_BYTES;
        return CompletableFuture.completedFuture(
                new Allocation(
                        endBlock, last ? List.of(new BlockRange(endBlock - 1, 1)) : List.of()));
    }

    @Override
    public CompletableFuture<Void> closed() {
        return closed;
    }

    @Override
    public CompletableFuture<MirachException> explanation() {
        return closed.handle(
                (detached, failure) -> new MirachException(ErrorCode.NOT_ATTACHED, "detached"));
    }

    @Override
    public CompletableFuture<Void> detach() {
        return DONE;
    }
}
