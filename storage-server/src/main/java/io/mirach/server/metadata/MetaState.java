package io.mirach.server.metadata;

import io.mirach.model.ClusterImage;
import java.util.Objects;
import java.util.Optional;

/**
 * All that the meta group replicates. Immutable.
 *
 * @param image empty until the cluster is formed
 * @param counters the ids to draw next
 */
public record MetaState(Optional<ClusterImage> image, Counters counters) {
    /**
     * Ids are drawn from here and never used again.
     *
     * @param nextEpoch of attachments
     */
    public record Counters(long nextVolume, long nextLayer, long nextEpoch) {
        static final Counters FIRST = new Counters(1, 1, 1);
    }

    public static final MetaState EMPTY = new MetaState(Optional.empty(), Counters.FIRST);

    public MetaState {
        Objects.requireNonNull(image, "image");
        Objects.requireNonNull(counters, "counters");
    }

    long version() {
        return image.map(ClusterImage::version).orElse(0L);
    }
}
