package io.mirach.server.cluster;

import io.mirach.model.ClusterImage;
import io.mirach.model.LayerId;
import io.mirach.model.Sealing;
import io.mirach.model.Volume;
import io.mirach.model.VolumeId;
import io.mirach.server.chunk.NewHeads;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What this node's cluster map says of new heads. Thread-safe; never blocks. */
public final class PendingSeals implements NewHeads {
    // A map that is on its way takes less; a client asks again after it.
    private static final long MAP_WAIT_MS = 500;

    private final ClusterMap map;

    public PendingSeals(ClusterMap map) {
        this.map = map;
    }

    @Override
    public CompletableFuture<Optional<Sealing>> sealFor(VolumeId volume, LayerId head) {
        return map.await(image -> knows(image, volume, head), MAP_WAIT_MS)
                .handle(
                        (image, late) ->
                                late == null ? seal(image, volume, head) : Optional.empty());
    }

    /** Layers are numbered in the order in which they come. */
    private static boolean knows(ClusterImage image, VolumeId id, LayerId head) {
        Volume volume = image.volumes().get(id);
        return volume != null && volume.head().value() >= head.value();
    }

    private static Optional<Sealing> seal(ClusterImage image, VolumeId id, LayerId head) {
        Volume volume = image.volumes().get(id);
        return volume.sealing()
                .filter(sealing -> sealing.newHead().equals(head) && volume.head().equals(head));
    }
}
