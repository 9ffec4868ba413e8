package io.mirach.gateway;

import io.mirach.client.AttachedVolume;
import io.mirach.client.MirachClient;
import io.mirach.model.Attachment;
import io.mirach.model.Volume;
import io.mirach.nbd.ExportDescription;
import io.mirach.nbd.NbdExport;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.protocol.cluster.EndedExport;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One volume as this gateway serves it: at most one attachment, shared by all sessions. It is
 * attached while it is ordered or a session holds it. Thread-safe; never blocks.
 */
final class ServedVolume {
    private static final Logger LOG = LoggerFactory.getLogger(ServedVolume.class);

    private final MirachClient client;
    private final String name;

    /** Sessions that use the volume. */
    private final Set<NbdExport> holds = new HashSet<>();

    /** Sessions that wait for the volume to be attached. */
    private int opening;

    private boolean ordered;
    private long order;
    private Attachment.Mode mode = Attachment.Mode.READ_WRITE;

    /** Fenced while ordered: only a new order attaches it again. */
    private boolean fenced;

    /** The current attachment, or the one being made; null if there is none. */
    private CompletableFuture<AttachedVolume> attachment;

    /** Why the last attachment ended, if it was taken from this gateway; until there is another. */
    private Optional<String> takenBecause = Optional.empty();

    /** Why the last attempt to attach failed; empty if it did not. */
    private String attachFailure = "";

    /** Completes when the previous attachment is gone, however that went. */
    private CompletableFuture<Void> released = CompletableFuture.completedFuture(null);

    ServedVolume(MirachClient client, Volume volume) {
        this.client = client;
        this.name = volume.name();
    }

    /**
     * {@code mirach attach}: keeps the volume attached in that mode.
     *
     * @param number of the order: another one is one to attach again, should it have been fenced
     */
    synchronized void order(Attachment.Mode wanted, long number) {
        if (ordered && order == number) {
            return;
        }
        if (attachment != null && mode != wanted) {
            end(new MirachException(ErrorCode.NOT_ATTACHED, name + " changes to " + wanted));
        }
        ordered = true;
        order = number;
        fenced = false;
        mode = wanted;
        LOG.info("ordered to serve {} {}", name, wanted);
        attachIfOrdered();
    }

    /** Attaches what is ordered and is not attached, for instance because it was in use. */
    synchronized void attachIfOrdered() {
        if (ordered && !fenced && attachment == null) {
            ensureAttached(mode);
        }
    }

    /** {@code mirach detach}, or the volume is gone: ends all sessions, then detaches. */
    synchronized void withdraw(String reason) {
        if (ordered || attachment != null) {
            LOG.info("serves {} no more: {}", name, reason);
        }
        ordered = false;
        fenced = false;
        mode = Attachment.Mode.READ_WRITE;
        end(new MirachException(ErrorCode.NOT_ATTACHED, name + ": " + reason));
    }

    synchronized boolean isOrdered() {
        return ordered;
    }

    synchronized boolean isFenced() {
        return fenced;
    }

    /** Whether forgetting this object loses nothing. */
    synchronized boolean isIdle() {
        return !ordered && attachment == null && isUnused() && released.isDone();
    }

    /** Takes over the attachment of a former life, and gives it back unless a session came. */
    synchronized void resumeAndRelease(Attachment.Mode held) {
        if (!ordered && attachment == null) {
            // Another mode might not go beside those of others.
            ensureAttached(held);
        }
    }

    /** What was taken from this gateway and is not offered again. */
    synchronized Optional<EndedExport> ended() {
        return takenBecause.map(why -> new EndedExport(name, why));
    }

    /**
     * A session's hold, once the volume is attached and nothing is on its way any more that a dead
     * client of an earlier session sent.
     */
    synchronized CompletableFuture<NbdExport> open() {
        if (fenced) {
            return CompletableFuture.failedFuture(
                    new MirachException(
                            ErrorCode.FENCED,
                            takenBecause.orElse(name + " was taken from this gateway")
                                    + "; order it anew to attach it again"));
        }
        opening++;
        CompletableFuture<AttachedVolume> attaching = ensureAttached(mode);
        return attaching
                .thenCompose(volume -> NbdExport.settled(holdsSoFar()).thenApply(settled -> volume))
                .handle((volume, failure) -> opened(attaching, volume, failure));
    }

    private synchronized List<NbdExport> holdsSoFar() {
        return List.copyOf(holds);
    }

    private synchronized NbdExport opened(
            CompletableFuture<AttachedVolume> attaching, AttachedVolume volume, Throwable failure) {
        opening--;
        if (failure != null) {
            throw new CompletionException(unwrap(failure));
        }
        if (attachment != attaching) {
            throw new MirachException(ErrorCode.NOT_ATTACHED, name + " was detached meanwhile");
        }
        NbdExport hold =
                new NbdExport(
                        new ExportDescription(
                                name, volume.sizeBytes(), volume.readOnly(), description(volume)),
                        volume,
                        this::left);
        holds.add(hold);
        return hold;
    }

    private static String description(AttachedVolume volume) {
        return volume.readOnly() ? "Mirach volume, read-only" : "Mirach volume";
    }

    private synchronized void left(NbdExport hold) {
        holds.remove(hold);
        releaseIfUnused();
    }

    private boolean isUnused() {
        return holds.isEmpty() && opening == 0;
    }

    private void releaseIfUnused() {
        if (!ordered && isUnused() && attachment != null) {
            release();
        }
    }

    private CompletableFuture<AttachedVolume> ensureAttached(Attachment.Mode wanted) {
        if (attachment != null) {
            return attachment;
        }
        CompletableFuture<AttachedVolume> attaching =
                released.thenCompose(gone -> client.attach(name, wanted));
        attachment = attaching;
        // May run at once, and forget the attachment again.
        attaching.whenComplete((volume, failure) -> attached(attaching, volume, failure));
        return attaching;
    }

    private synchronized void attached(
            CompletableFuture<AttachedVolume> attaching, AttachedVolume volume, Throwable failure) {
        if (failure != null) {
            noteAttachFailure(unwrap(failure).toString());
            if (attachment == attaching) {
                attachment = null;
            }
            return;
        }
        attachFailure = "";
        takenBecause = Optional.empty();
        LOG.info(
                "attached {} {} under epoch {}",
                name,
                volume.readOnly() ? "read-only" : "read-write",
                volume.epoch());
        volume.closed().whenComplete((closed, reason) -> closed(attaching, volume, reason));
        // The client that asked for it may have gone meanwhile; its open() has run by now or will.
        if (attachment == attaching && opening == 0) {
            releaseIfUnused();
        }
    }

    /** Orders are tried again and again: says the same only once. */
    private void noteAttachFailure(String failure) {
        if (failure.equals(attachFailure)) {
            LOG.debug("cannot attach {} yet: {}", name, failure);
        } else {
            attachFailure = failure;
            LOG.warn("cannot attach {}: {}", name, failure);
        }
    }

    /** The attachment ended without our asking. */
    private synchronized void closed(
            CompletableFuture<AttachedVolume> attaching, AttachedVolume volume, Throwable reason) {
        if (attachment != attaching) {
            return;
        }
        attachment = null;
        MirachException cause =
                reason == null
                        ? new MirachException(ErrorCode.NOT_ATTACHED, name + " was detached")
                        : unwrap(reason);
        if (cause.code() == ErrorCode.FENCED) {
            LOG.error(
                    "{} is fenced: it was taken from this gateway. Its export and {} sessions are"
                            + " closed: {}",
                    name,
                    holds.size(),
                    cause.getMessage());
            fenced = ordered;
            takenBecause = Optional.of(describe(cause));
            volume.explanation().thenAccept(why -> explained(cause, why));
        } else {
            LOG.warn("the attachment of {} ended: {}", name, cause.toString());
        }
        endSessions(cause);
    }

    /** What the volume was taken with did not say why; this may. */
    private synchronized void explained(MirachException cause, MirachException why) {
        Optional<String> told = Optional.of(describe(cause));
        String better = describe(why);
        if (takenBecause.equals(told) && !told.get().equals(better)) {
            LOG.error("{} was fenced because: {}", name, why.getMessage());
            takenBecause = Optional.of(better);
        }
    }

    private static String describe(MirachException reason) {
        return reason.code() + ": " + reason.getMessage();
    }

    private void end(MirachException reason) {
        endSessions(reason);
        if (attachment != null) {
            release();
        }
    }

    private void endSessions(MirachException reason) {
        List.copyOf(holds).forEach(hold -> hold.end(reason));
    }

    /** Gives the attachment back; the next one waits for that. */
    private void release() {
        CompletableFuture<AttachedVolume> leaving = attachment;
        attachment = null;
        released =
                leaving.thenCompose(AttachedVolume::detach)
                        .handle(
                                (detached, failure) -> {
                                    if (failure == null) {
                                        LOG.info("detached {}", name);
                                    } else if (!leaving.isCompletedExceptionally()) {
                                        LOG.warn(
                                                "cannot detach {}: {}",
                                                name,
                                                unwrap(failure).toString());
                                    }
                                    return null;
                                });
    }

    /** At shutdown, after the sessions: detaches unless ordered, and tells when that is over. */
    synchronized CompletableFuture<Void> settle() {
        if (!ordered && attachment != null) {
            release();
        }
        return released;
    }

    private static MirachException unwrap(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof MirachException known
                ? known
                : new MirachException(ErrorCode.INTERNAL, String.valueOf(cause), cause);
    }
}
