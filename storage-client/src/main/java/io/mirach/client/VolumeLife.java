package io.mirach.client;

import io.mirach.model.ClusterImage;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Volume;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * The use of a volume, or of a snapshot, from its begin to its end. Also what is known of the
 * volume, as of the newest cluster map: what was known once is never forgotten for an older map,
 * since a writer that has written to a head must not name an older one again. Thread-safe.
 */
abstract class VolumeLife {
    private enum Phase {
        LIVE,
        /** What is in flight goes on; nothing new begins. */
        ENDING,
        ENDED
    }

    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final CompletableFuture<MirachException> explanation = new CompletableFuture<>();
    private final List<Consumer<MirachException>> onEnd = new CopyOnWriteArrayList<>();
    private volatile Volume volume;
    // Replaced with each newer volume.
    private volatile CompletableFuture<Void> changed = new CompletableFuture<>();
    private volatile Phase phase = Phase.LIVE;
    // Set before the phase is ENDED, unless it was ended by its user.
    private volatile MirachException endedBy;
    // Guarded by this.
    private long mapVersion;

    /**
     * @param mapVersion of the map that has the volume like that
     */
    VolumeLife(Volume volume, long mapVersion) {
        this.volume = volume;
        this.mapVersion = mapVersion;
    }

    /** As users call it. */
    abstract String name();

    /** Under which attachment; empty if it needs none. */
    abstract Optional<Epoch> epoch();

    /** The layer to name in requests that read. */
    abstract LayerId layer();

    abstract long sizeBytes();

    abstract boolean readOnly();

    /** Whether a leader has to ask a majority before it answers reads. */
    abstract boolean strictReads();

    /** What is told to those who come after its user has ended it. */
    abstract MirachException endedByUser();

    /** Looks at a map that is no older than any before. */
    abstract void learn(ClusterImage image);

    /** As of the newest map that names it. */
    final Volume volume() {
        return volume;
    }

    /** Completes with the next change of the volume that comes to be known. */
    final CompletableFuture<Void> changed() {
        return changed;
    }

    final CompletableFuture<Void> closed() {
        return closed;
    }

    /** See {@link AttachedVolume#explanation}. */
    final CompletableFuture<MirachException> explanation() {
        return explanation;
    }

    /** Why nothing more can be done; empty while there can. */
    final Optional<MirachException> endedBy() {
        return phase == Phase.ENDED ? Optional.of(reason()) : Optional.empty();
    }

    /** Why no new request may begin; empty if it may. */
    final Optional<MirachException> refusal() {
        return phase == Phase.LIVE ? Optional.empty() : Optional.of(reason());
    }

    private MirachException reason() {
        MirachException reason = endedBy;
        return reason != null ? reason : endedByUser();
    }

    /** Called with the reason when it ends otherwise than by its user. */
    final void onEnd(Consumer<MirachException> listener) {
        onEnd.add(listener);
        MirachException reason = endedBy;
        if (reason != null) {
            listener.accept(reason);
        }
    }

    /** False if it was no longer live. */
    final synchronized boolean beginEnding() {
        if (phase != Phase.LIVE) {
            return false;
        }
        phase = Phase.ENDING;
        return true;
    }

    /** Its user has ended it. */
    final void ended() {
        synchronized (this) {
            if (phase == Phase.ENDED) {
                return;
            }
            phase = Phase.ENDED;
        }
        closed.complete(null);
        explanation.complete(reason());
    }

    /** Ends it: FENCED is final, and so is any other reason. */
    final void end(MirachException reason) {
        endUnexplained(reason);
        giveUpExplaining();
    }

    /**
     * Ends it, by the word of someone who does not say why: the map will. False if it was over
     * already.
     */
    final boolean endUnexplained(MirachException refusal) {
        synchronized (this) {
            if (phase == Phase.ENDED) {
                return false;
            }
            endedBy = refusal;
            phase = Phase.ENDED;
        }
        closed.completeExceptionally(refusal);
        onEnd.forEach(listener -> listener.accept(refusal));
        return true;
    }

    /** Ends it, or says why it has ended, unless its user does, or it is known already. */
    final void endExplained(MirachException reason) {
        synchronized (this) {
            if (phase == Phase.ENDING || explanation.isDone()) {
                return;
            }
            if (phase == Phase.ENDED) {
                endedBy = reason;
            }
        }
        end(reason);
    }

    /** Does not wait for the reason any longer. */
    final void giveUpExplaining() {
        explanation.complete(reason());
    }

    /** Learns from a map, unless it is older than one that was known. */
    final void observe(ClusterImage image) {
        Optional<CompletableFuture<Void>> told = Optional.empty();
        Volume now = image.volumes().get(volume.id());
        synchronized (this) {
            if (image.version() < mapVersion) {
                return;
            }
            mapVersion = image.version();
            if (now != null && !now.equals(volume)) {
                volume = now;
                told = Optional.of(changed);
                changed = new CompletableFuture<>();
            }
        }
        told.ifPresent(waiting -> waiting.complete(null));
        learn(image);
    }
}
