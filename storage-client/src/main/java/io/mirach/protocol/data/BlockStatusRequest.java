package io.mirach.protocol.data;

import io.mirach.model.BlockRange;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.VolumeId;
import java.util.Optional;

/**
 * Asks which blocks of a range are allocated in those of the range's extents that this placement
 * group holds. Costs by what is allocated, not by the length of the range.
 *
 * @param epoch as in {@link ReadRequest}
 */
public record BlockStatusRequest(
        PlacementGroupId placementGroup,
        VolumeId volume,
        Optional<Epoch> epoch,
        LayerId layer,
        BlockRange range,
        int maxRuns,
        boolean strict) {}
