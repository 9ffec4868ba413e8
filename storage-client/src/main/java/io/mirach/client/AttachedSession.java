package io.mirach.client;

import io.mirach.model.Epoch;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.EventExecutor;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** Block I/O under an attachment, which can be given back. Thread-safe. */
final class AttachedSession extends VolumeSession implements AttachedVolume {
    private final AttachmentLife life;
    private final Supplier<CompletableFuture<Void>> giveBack;

    private final Object detachLock = new Object();
    // Guarded by detachLock; empty until asked for.
    private Optional<CompletableFuture<Void>> detached = Optional.empty();

    /**
     * @param calls under {@code life}
     * @param abandonedBytes data of writes that were given up, over all volumes of the client
     * @param giveBack tells the cluster that the attachment has ended
     */
    AttachedSession(
            AttachmentLife life,
            VolumeCalls calls,
            MirachClientConfig config,
            ByteBufAllocator allocator,
            EventExecutor timer,
            AtomicLong abandonedBytes,
            Supplier<CompletableFuture<Void>> giveBack) {
        super(calls, config, allocator, timer, abandonedBytes);
        this.life = life;
        this.giveBack = giveBack;
        life.onLimits(this::limit);
    }

    @Override
    public Epoch epoch() {
        return life.attachment().epoch();
    }

    @Override
    public CompletableFuture<MirachException> explanation() {
        return life.explanation().copy();
    }

    @Override
    public CompletableFuture<Void> detach() {
        synchronized (detachLock) {
            if (detached.isEmpty() || detached.get().isCompletedExceptionally()) {
                detached = Optional.of(startDetach());
            }
            return detached.get().copy();
        }
    }

    private CompletableFuture<Void> startDetach() {
        life.beginEnding();
        if (life.endedBy().isPresent()) {
            // Fenced: there is nothing left to give back.
            return CompletableFuture.completedFuture(null);
        }
        return settled().thenCompose(done -> giveBack.get()).thenRun(life::ended);
    }
}
