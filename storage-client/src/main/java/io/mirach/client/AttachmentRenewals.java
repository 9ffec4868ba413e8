package io.mirach.client;

import io.mirach.protocol.cluster.RenewAttachments;
import io.mirach.protocol.cluster.Renewal;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the meta leader, all in one request, that this client still uses what it has attached. That
 * it cannot be told ends nothing: what is attached goes on until a placement group says that it is
 * fenced. Thread-safe; asks nothing while nothing is attached.
 */
final class AttachmentRenewals {
    private static final Logger LOG = LoggerFactory.getLogger(AttachmentRenewals.class);
    // So that three may get lost before someone else may have the volume.
    private static final int RENEWALS_PER_TERM = 4;
    private static final long MIN_PAUSE_MS = 200;
    private static final long MAX_PAUSE_MS = 10_000;
    private static final long PAUSE_AFTER_FAILURE_MS = 1_000;

    private final String gateway;
    private final String ownerSecret;
    private final Set<AttachmentLife> attached;
    private final Function<RenewAttachments, CompletableFuture<Renewal>> meta;
    private final EventExecutor timer;
    private final AtomicBoolean running = new AtomicBoolean();

    /**
     * @param attached concurrent; what ends is taken out by others
     * @param meta asks the meta leader; may fail
     */
    AttachmentRenewals(
            String gateway,
            String ownerSecret,
            Set<AttachmentLife> attached,
            Function<RenewAttachments, CompletableFuture<Renewal>> meta,
            EventExecutor timer) {
        this.gateway = gateway;
        this.ownerSecret = ownerSecret;
        this.attached = attached;
        this.meta = meta;
        this.timer = timer;
    }

    /** Something was attached. */
    void begin() {
        if (running.compareAndSet(false, true)) {
            next(0);
        }
    }

    private void next(long pauseMs) {
        try {
            timer.schedule(this::round, pauseMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException closing) {
            LOG.debug("renewals end with the client");
        }
    }

    private void round() {
        List<AttachmentLife> lives = live();
        if (lives.isEmpty()) {
            running.set(false);
            if (!live().isEmpty()) {
                // One has come between the two looks.
                begin();
            }
            return;
        }
        RenewAttachments request =
                new RenewAttachments(
                        gateway,
                        ownerSecret,
                        lives.stream()
                                .map(AttachmentLife::attachment)
                                .map(a -> new RenewAttachments.Held(a.volume(), a.epoch()))
                                .toList());
        meta.apply(request).whenComplete((renewal, failure) -> told(lives, renewal, failure));
    }

    private List<AttachmentLife> live() {
        return attached.stream().filter(life -> life.endedBy().isEmpty()).toList();
    }

    private void told(List<AttachmentLife> lives, Renewal renewal, Throwable failure) {
        if (failure != null) {
            LOG.debug("cannot renew {} attachments", lives.size(), failure);
            next(PAUSE_AFTER_FAILURE_MS);
            return;
        }
        for (AttachmentLife life : lives) {
            String why = renewal.ended().get(life.attachment().epoch());
            if (why != null) {
                life.revoked(why);
            }
        }
        next(Math.max(MIN_PAUSE_MS, Math.min(MAX_PAUSE_MS, renewal.termMs() / RENEWALS_PER_TERM)));
    }
}
