package io.mirach.nbd;

import io.mirach.client.VolumeIo;
import io.mirach.protocol.MirachException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** One session's hold on an attached volume. Thread-safe. */
public final class NbdExport {
    private final ExportDescription description;
    private final VolumeIo volume;
    private final Consumer<NbdExport> onLeave;
    private final CompletableFuture<MirachException> ended = new CompletableFuture<>();
    private final AtomicBoolean left = new AtomicBoolean();

    /**
     * @param onLeave called once, on the session's event loop, after its last request completed
     */
    public NbdExport(ExportDescription description, VolumeIo volume, Consumer<NbdExport> onLeave) {
        this.description = Objects.requireNonNull(description, "description");
        this.volume = Objects.requireNonNull(volume, "volume");
        this.onLeave = Objects.requireNonNull(onLeave, "onLeave");
    }

    public ExportDescription description() {
        return description;
    }

    public VolumeIo volume() {
        return volume;
    }

    /**
     * Asks the session to end: what is in flight is answered, later requests get ESHUTDOWN, then
     * the connection closes. Idempotent.
     */
    public void end(MirachException reason) {
        ended.complete(reason);
    }

    /** Completes when {@link #end} was called. */
    CompletableFuture<MirachException> ended() {
        return ended;
    }

    /** The session is over; calls after the first do nothing. */
    void leave() {
        if (left.compareAndSet(false, true)) {
            onLeave.accept(this);
        }
    }
}
