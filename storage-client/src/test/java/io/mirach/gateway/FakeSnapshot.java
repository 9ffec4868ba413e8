package io.mirach.gateway;

import io.mirach.client.OpenSnapshot;
import io.mirach.nbd.SparseVolume;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/** A snapshot in memory, which tells when it is closed. */
final class FakeSnapshot implements OpenSnapshot {
    private final SparseVolume content;
    private final Runnable onClose;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();

    FakeSnapshot(SparseVolume content, Runnable onClose) {
        this.content = content;
        this.onClose = onClose;
    }

    /** As when the snapshot is deleted. */
    void delete() {
        closed.completeExceptionally(
                new MirachException(ErrorCode.NO_SUCH_SNAPSHOT, name() + " was deleted"));
    }

    @Override
    public String name() {
        return content.name();
    }

    @Override
    public long sizeBytes() {
        return content.sizeBytes();
    }

    @Override
    public boolean readOnly() {
        return true;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offsetBytes, int lengthBytes) {
        return content.read(offsetBytes, lengthBytes);
    }

    @Override
    public CompletableFuture<Void> write(long offsetBytes, ByteBuf data) {
        return content.write(offsetBytes, data);
    }

    @Override
    public CompletableFuture<Void> writeZeroes(
            long offsetBytes, long lengthBytes, boolean keepAllocated) {
        return content.writeZeroes(offsetBytes, lengthBytes, keepAllocated);
    }

    @Override
    public CompletableFuture<Void> discard(long offsetBytes, long lengthBytes) {
        return content.discard(offsetBytes, lengthBytes);
    }

    @Override
    public CompletableFuture<Void> flush() {
        return content.flush();
    }

    @Override
    public CompletableFuture<Allocation> allocation(
            long offsetBytes, long lengthBytes, int maxRuns) {
        return content.allocation(offsetBytes, lengthBytes, maxRuns);
    }

    @Override
    public CompletableFuture<Void> closed() {
        return closed;
    }

    @Override
    public void close() {
        onClose.run();
        closed.complete(null);
    }
}
