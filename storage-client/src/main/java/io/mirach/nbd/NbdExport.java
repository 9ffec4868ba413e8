package io.mirach.nbd;

import io.mirach.client.VolumeIo;
import io.mirach.protocol.MirachException;
import io.netty.channel.EventLoop;
import io.netty.channel.SingleThreadEventLoop;
import java.util.Collection;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** One session's hold on an attached volume. Thread-safe. */
public final class NbdExport {
    private record Session(EventLoop loop, BooleanSupplier clientEnded) {}

    private final ExportDescription description;
    private final VolumeIo volume;
    private final Consumer<NbdExport> onLeave;
    private final CompletableFuture<MirachException> ended = new CompletableFuture<>();
    private final AtomicBoolean left = new AtomicBoolean();
    private final CompletableFuture<Void> over = new CompletableFuture<>();
    // Null until requests may come.
    private volatile Session session;

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

    /**
     * Requests may come from now on.
     *
     * @param loop that handles the session's events
     * @param clientEnded whether the client was seen to send nothing more; asked on the loop
     */
    void enter(EventLoop loop, BooleanSupplier clientEnded) {
        session = new Session(loop, clientEnded);
    }

    /** The session is over; calls after the first do nothing. */
    void leave() {
        if (left.compareAndSet(false, true)) {
            onLeave.accept(this);
            over.complete(null);
        }
    }

    /**
     * Completes, always normally and on any thread, when no request is on its way any more of those
     * sessions whose client had ended before the call. Who opens the same volume anew waits for
     * this: a write that a dead client left behind would else land on newer data.
     */
    public static CompletableFuture<Void> settled(Collection<NbdExport> sessions) {
        return CompletableFuture.allOf(
                sessions.stream()
                        .map(NbdExport::livingOrOver)
                        .toArray(CompletableFuture<?>[]::new));
    }

    private CompletableFuture<Void> livingOrOver() {
        Session entered = session;
        if (entered == null) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> known = over.copy();
        try {
            afterPolling(
                    entered.loop(),
                    () -> {
                        if (!entered.clientEnded().getAsBoolean()) {
                            known.complete(null);
                        }
                    });
        } catch (RejectedExecutionException ended) {
            // The server is closed, and tells when its sessions are over.
        }
        return known;
    }

    /** Runs a task once the loop has handled all that its sockets had to tell before the call. */
    private static void afterPolling(EventLoop loop, Runnable task) {
        if (loop instanceof SingleThreadEventLoop polling) {
            // Not in this iteration, which may have polled earlier: in the next one.
            polling.execute(
                    () -> polling.executeAfterEventLoopIteration(() -> polling.execute(task)));
        } else {
            // It has no sockets: an embedded channel knows already.
            task.run();
        }
    }
}
