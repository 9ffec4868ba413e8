package io.mirach.server.chunk;

import io.mirach.model.LayerId;
import io.mirach.model.Sealing;
import io.mirach.model.VolumeId;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * What the cluster map says of a head that a placement group has not heard of. Thread-safe; never
 * blocks.
 */
public interface NewHeads {
    /**
     * The seal with which {@code head} becomes the volume's head, if the map has it as open. May
     * wait a moment for a map that is as new. Never fails.
     */
    CompletableFuture<Optional<Sealing>> sealFor(VolumeId volume, LayerId head);
}
