package io.mirach.protocol.data;

import io.mirach.model.PlacementGroupId;

/**
 * Zeroes a byte range within one extent, any alignment: whole blocks become holes, edges are
 * patched.
 */
public record ZeroRequest(
        PlacementGroupId placementGroup,
        WriteIdentity identity,
        long offsetBytes,
        int lengthBytes) {}
