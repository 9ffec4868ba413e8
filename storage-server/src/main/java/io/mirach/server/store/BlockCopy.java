package io.mirach.server.store;

import io.mirach.model.LayerId;
import io.mirach.raft.LogPosition;
import java.util.Objects;

/**
 * What a replica holds of one block, proven intact, as of one entry of its log.
 *
 * @param position the newest entry whose effects are in it
 * @param changedIndex the last entry that changed the block's extent in its layer; -1 if none ever
 *     did. So this is what the block is after every entry from here up to {@code position}.
 * @param value as stored; empty if the layer has neither a value nor a marker
 */
public record BlockCopy(
        LayerId layer, long block, LogPosition position, long changedIndex, byte[] value) {
    public BlockCopy {
        Objects.requireNonNull(layer, "layer");
        Objects.requireNonNull(position, "position");
        Objects.requireNonNull(value, "value");
        if (value.length > 0 && !StatePage.isMarker(value) && !StatePage.isIntact(value)) {
            throw new IllegalArgumentException("the copy of block " + block + " is damaged");
        }
    }

    /** Whether the layer has neither a value nor a marker. */
    public boolean isAbsent() {
        return value.length == 0;
    }

    /** Whether the layer has a marker. */
    public boolean isZero() {
        return StatePage.isMarker(value);
    }
}
