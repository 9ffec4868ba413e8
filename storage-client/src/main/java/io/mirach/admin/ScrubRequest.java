package io.mirach.admin;

import java.util.List;

/**
 * Placement groups are to be scrubbed as soon as may be.
 *
 * @param pgs from 1 up; empty: all
 */
public record ScrubRequest(List<Integer> pgs) {
    public ScrubRequest {
        pgs = pgs == null ? List.of() : List.copyOf(pgs);
    }
}
