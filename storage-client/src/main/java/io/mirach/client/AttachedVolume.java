package io.mirach.client;

import io.mirach.model.Epoch;
import io.mirach.protocol.MirachException;
import java.util.concurrent.CompletableFuture;

/**
 * A volume under a live attachment. FENCED is final and also reported to {@link #closed()}, which
 * completes normally after {@link #detach}.
 */
public interface AttachedVolume extends VolumeIo {
    Epoch epoch();

    /**
     * Completes with the reason for the end, with {@link #closed} or a few seconds later: who
     * refuses a fenced request does not know why, and the cluster map that does may still be on its
     * way.
     */
    CompletableFuture<MirachException> explanation();

    /** Waits for what is in flight, then gives the attachment back. Idempotent. */
    CompletableFuture<Void> detach();
}
