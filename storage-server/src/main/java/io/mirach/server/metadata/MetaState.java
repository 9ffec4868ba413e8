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
     * @param nextAdmission of the versions of admissions, and of migrations and orders
     */
    public record Counters(long nextVolume, long nextLayer, long nextEpoch, long nextAdmission) {
        static final Counters FIRST = new Counters(1, 1, 1, 1);

        Counters afterVolume() {
            return new Counters(nextVolume + 1, nextLayer + 1, nextEpoch, nextAdmission);
        }

        Counters afterLayer() {
            return new Counters(nextVolume, nextLayer + 1, nextEpoch, nextAdmission);
        }

        Counters afterEpoch() {
            return new Counters(nextVolume, nextLayer, nextEpoch + 1, nextAdmission);
        }

        Counters afterAdmission() {
            return new Counters(nextVolume, nextLayer, nextEpoch, nextAdmission + 1);
        }
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
