package io.mirach.protocol.cluster;

import io.mirach.model.ClusterImage;
import java.util.Objects;
import java.util.Optional;

/**
 * A newer cluster map: whole, or as a delta from the version that the asker knew.
 *
 * @param image the whole map; empty when {@code delta} is given or nothing is newer
 */
public record MapUpdate(long version, Optional<ClusterImage> image, Optional<ClusterDelta> delta) {
    public MapUpdate {
        Objects.requireNonNull(image, "image");
        Objects.requireNonNull(delta, "delta");
    }
}
