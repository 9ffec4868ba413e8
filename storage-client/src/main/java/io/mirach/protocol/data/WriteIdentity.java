package io.mirach.protocol.data;

import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import java.util.Objects;

/**
 * What makes a write this write and no other, so that a retry takes effect once. Sequence numbers
 * count from 1 per (attachment, slot); a client runs at most {@link #WINDOW} ahead of the lowest
 * one not yet acknowledged.
 *
 * @param epoch the attachment
 * @param sequence this write's number; kept over retries, also when {@code head} changes
 * @param lowestUnacknowledged all numbers of this slot below it are acknowledged to the writer
 * @param head the layer that the writer believes to be the head
 */
public record WriteIdentity(
        VolumeId volume,
        Epoch epoch,
        Slot slot,
        long sequence,
        long lowestUnacknowledged,
        LayerId head) {
    public static final int WINDOW = 4096;

    public WriteIdentity {
        Objects.requireNonNull(volume, "volume");
        Objects.requireNonNull(epoch, "epoch");
        Objects.requireNonNull(slot, "slot");
        Objects.requireNonNull(head, "head");
        if (lowestUnacknowledged < 1
                || sequence < lowestUnacknowledged
                || sequence - lowestUnacknowledged >= WINDOW) {
            throw new IllegalArgumentException(
                    "sequence " + sequence + " with lowest unacknowledged " + lowestUnacknowledged);
        }
    }
}
