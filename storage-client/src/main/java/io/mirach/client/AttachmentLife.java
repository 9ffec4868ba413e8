package io.mirach.client;

import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * An attachment from its grant to its end: by detaching, by fencing, or with the client. Also what
 * is known of its volume, as of the newest cluster map. Thread-safe.
 */
final class AttachmentLife {
    private enum Phase {
        LIVE,
        /** What is in flight goes on; nothing new begins. */
        DETACHING,
        ENDED
    }

    private final Attachment attachment;
    private final CompletableFuture<Void> closed = new CompletableFuture<>();
    private final CompletableFuture<MirachException> explanation = new CompletableFuture<>();
    private final List<Consumer<MirachException>> onEnd = new CopyOnWriteArrayList<>();
    private volatile Volume volume;
    private volatile Phase phase = Phase.LIVE;
    // Set before the phase is ENDED, unless it ended by detaching.
    private volatile MirachException endedBy;
    // Guarded by this.
    private boolean seenInMap;

    AttachmentLife(Attachment attachment, Volume volume) {
        this.attachment = attachment;
        this.volume = volume;
    }

    Attachment attachment() {
        return attachment;
    }

    /** As of the newest map that names it. */
    Volume volume() {
        return volume;
    }

    CompletableFuture<Void> closed() {
        return closed;
    }

    /** See {@link AttachedVolume#explanation}. */
    CompletableFuture<MirachException> explanation() {
        return explanation;
    }

    /** Why nothing more can be done under this attachment; empty while there can. */
    Optional<MirachException> endedBy() {
        return phase == Phase.ENDED ? Optional.of(reason()) : Optional.empty();
    }

    /** Why no new request may begin; empty if it may. */
    Optional<MirachException> refusal() {
        return phase == Phase.LIVE ? Optional.empty() : Optional.of(reason());
    }

    private MirachException reason() {
        MirachException reason = endedBy;
        return reason != null
                ? reason
                : new MirachException(
                        ErrorCode.NOT_ATTACHED, "volume " + volume.name() + " was detached");
    }

    /** Called with the reason when the attachment ends otherwise than by detaching. */
    void onEnd(Consumer<MirachException> listener) {
        onEnd.add(listener);
        MirachException reason = endedBy;
        if (reason != null) {
            listener.accept(reason);
        }
    }

    /** False if it was no longer live. */
    synchronized boolean beginDetach() {
        if (phase != Phase.LIVE) {
            return false;
        }
        phase = Phase.DETACHING;
        return true;
    }

    void detached() {
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
    void end(MirachException reason) {
        endUnexplained(reason);
        giveUpExplaining();
    }

    /**
     * A placement group says that it is over, and not why: the map will tell that. False if it was
     * over already.
     */
    boolean endUnexplained(MirachException refusal) {
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

    /** Does not wait for the reason any longer. */
    void giveUpExplaining() {
        explanation.complete(reason());
    }

    /** Learns from a newer map. */
    void observe(ClusterImage image) {
        Volume now = image.volumes().get(attachment.volume());
        if (now != null) {
            volume = now;
        }
        revokedIn(image).ifPresent(this::revoked);
    }

    /**
     * The cluster says that it is over.
     *
     * @param why empty if that is not known
     */
    void revoked(String why) {
        MirachException reason =
                fenced(why.isEmpty() ? "detached by an operator, or expired" : why);
        synchronized (this) {
            if (phase == Phase.DETACHING || explanation.isDone()) {
                // Given back by ourselves, or known already.
                return;
            }
            if (phase == Phase.ENDED) {
                endedBy = reason;
            }
        }
        end(reason);
    }

    private synchronized Optional<String> revokedIn(ClusterImage image) {
        VolumeAccess access = image.accessTo(attachment.volume());
        Optional<Attachment> own = access.attachment(attachment.epoch());
        if (own.isPresent()) {
            seenInMap = true;
            return own.filter(a -> !a.held()).map(Attachment::revokedBecause);
        }
        Optional<String> taken = access.takenBecause(attachment.epoch());
        if (taken.isPresent()) {
            return taken;
        }
        // Epochs grow: a map that has a later one is not from before ours was granted.
        Optional<Attachment> later =
                access.attachments().stream()
                        .filter(a -> a.epoch().compareTo(attachment.epoch()) > 0)
                        .reduce((one, other) -> other);
        if (later.isPresent()) {
            return later.map(
                    a ->
                            "attached by gateway "
                                    + a.gateway()
                                    + " on "
                                    + a.host()
                                    + " as "
                                    + a.epoch());
        }
        return seenInMap ? Optional.of("") : Optional.empty();
    }

    private MirachException fenced(String how) {
        return new MirachException(
                ErrorCode.FENCED,
                "the attachment of "
                        + volume.name()
                        + " as "
                        + attachment.epoch()
                        + " is over: "
                        + how);
    }
}
