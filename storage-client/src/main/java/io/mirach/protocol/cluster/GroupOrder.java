package io.mirach.protocol.cluster;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Sealing;
import io.mirach.model.VolumeId;
import java.util.List;
import java.util.UUID;

/** What a placement group's leader is to log, beside reads and writes. Idempotent. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "order")
@JsonSubTypes({
    @JsonSubTypes.Type(value = GroupOrder.OpenVolume.class, name = "open-volume"),
    @JsonSubTypes.Type(value = GroupOrder.DropVolume.class, name = "drop-volume"),
    @JsonSubTypes.Type(value = GroupOrder.Admit.class, name = "admit"),
    @JsonSubTypes.Type(value = GroupOrder.SealLayer.class, name = "seal-layer"),
    @JsonSubTypes.Type(value = GroupOrder.TakeDigest.class, name = "take-digest")
})
public sealed interface GroupOrder {
    PlacementGroupId placementGroup();

    /** Makes a volume known: the slots served here, its extent size and its head layer. */
    record OpenVolume(
            PlacementGroupId placementGroup,
            VolumeId volume,
            int extentBytes,
            long sizeBytes,
            List<Integer> slots,
            LayerId head)
            implements GroupOrder {}

    /** Forgets a volume and removes its blocks; the space comes back. */
    record DropVolume(PlacementGroupId placementGroup, VolumeId volume) implements GroupOrder {}

    /** Replaces the set of admitted epochs, if {@code version} is higher than the one in force. */
    record Admit(
            PlacementGroupId placementGroup,
            VolumeId volume,
            long version,
            List<Epoch> readWrite,
            List<Epoch> readOnly)
            implements GroupOrder {}

    /**
     * Seals the head, keeps it as a snapshot's layer, and opens a new head above it.
     *
     * @param sealed the layer that is the head so far
     */
    record SealLayer(
            PlacementGroupId placementGroup,
            VolumeId volume,
            LayerId sealed,
            LayerId newHead,
            long snapshotId)
            implements GroupOrder {
        public static SealLayer of(PlacementGroupId group, VolumeId volume, Sealing sealing) {
            return new SealLayer(
                    group, volume, sealing.sealed(), sealing.newHead(), sealing.snapshot());
        }
    }

    /**
     * Has replicas hash their state as of the order's entry, to be compared. Changes nothing.
     *
     * @param id drawn by the one who asks; a digest is fetched by it
     * @param only the data dirs that are to hash, at the pace of a backfill; empty: all of them, at
     *     the pace of a scrub
     */
    record TakeDigest(PlacementGroupId placementGroup, long id, List<UUID> only)
            implements GroupOrder {
        public TakeDigest {
            only = List.copyOf(only);
        }
    }
}
