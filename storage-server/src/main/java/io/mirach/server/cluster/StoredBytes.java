package io.mirach.server.cluster;

import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;
import java.util.List;
import java.util.Objects;

/**
 * The answer to STORED_BYTES: what volumes store in the receiver's replicas, before replication.
 *
 * @param counted the groups that the sums are of; the others asked for are not known here yet
 * @param volumes every volume that one of these groups knows, once
 */
public record StoredBytes(List<PlacementGroupId> counted, List<OfVolume> volumes) {
    /** The question. */
    public record Query(List<PlacementGroupId> groups) {
        public Query {
            groups = List.copyOf(groups);
        }
    }

    /** A volume's sum over the groups that were counted. */
    public record OfVolume(VolumeId volume, long bytes) {
        public OfVolume {
            Objects.requireNonNull(volume, "volume");
        }
    }

    public StoredBytes {
        counted = List.copyOf(counted);
        volumes = List.copyOf(volumes);
    }
}
