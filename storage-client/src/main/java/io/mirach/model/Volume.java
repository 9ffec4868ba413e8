package io.mirach.model;

import java.util.List;
import java.util.Objects;

/**
 * The user's block device.
 *
 * @param sizeBytes a multiple of 4 KiB
 * @param extentBytes bytes per extent, a power of two from 64 KiB to 16 MiB, fixed for life
 * @param slots the placement group of each of the 64 slots
 * @param head the writable layer
 * @param createdAtMs wall clock, milliseconds since 1970
 * @param strictReads reads trust no clock: a leader asks a majority before it answers
 */
public record Volume(
        VolumeId id,
        String name,
        long sizeBytes,
        int extentBytes,
        List<PlacementGroupId> slots,
        LayerId head,
        State state,
        long createdAtMs,
        boolean strictReads) {
    /** 4 MiB. */
    public static final int DEFAULT_EXTENT_BYTES = 4 << 20;

    public static final int MIN_EXTENT_BYTES = 64 << 10;
    public static final int MAX_EXTENT_BYTES = 16 << 20;

    public static final long MIN_SIZE_BYTES = 1L << 20;
    public static final long MAX_SIZE_BYTES = 1L << 50;

    /** Where a volume is in its life. */
    public enum State {
        /** Logged, not yet known to every placement group. */
        CREATING,
        AVAILABLE,
        /** Its name is free again; its blocks are being removed. */
        DELETING
    }

    public Volume {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(head, "head");
        Objects.requireNonNull(state, "state");
        VolumeName.check(name);
        checkSize(sizeBytes);
        if (Integer.bitCount(extentBytes) != 1
                || extentBytes < MIN_EXTENT_BYTES
                || extentBytes > MAX_EXTENT_BYTES) {
            throw new IllegalArgumentException(
                    "extent size must be a power of two from 64 KiB to 16 MiB: " + extentBytes);
        }
        slots = List.copyOf(slots);
        if (slots.size() != Slot.COUNT) {
            throw new IllegalArgumentException("a volume has 64 slots: " + slots.size());
        }
    }

    /** Reads trust the leader's lease. */
    public Volume(
            VolumeId id,
            String name,
            long sizeBytes,
            int extentBytes,
            List<PlacementGroupId> slots,
            LayerId head,
            State state,
            long createdAtMs) {
        this(id, name, sizeBytes, extentBytes, slots, head, state, createdAtMs, false);
    }

    public Volume inState(State next) {
        return new Volume(
                id, name, sizeBytes, extentBytes, slots, head, next, createdAtMs, strictReads);
    }

    public Volume withStrictReads(boolean next) {
        return new Volume(id, name, sizeBytes, extentBytes, slots, head, state, createdAtMs, next);
    }

    public static void checkSize(long sizeBytes) {
        if (sizeBytes < MIN_SIZE_BYTES
                || sizeBytes > MAX_SIZE_BYTES
                || !Block.isAligned(sizeBytes)) {
            throw new IllegalArgumentException(
                    "volume size must be a multiple of 4 KiB from 1 MiB to 1 PiB: " + sizeBytes);
        }
    }

    public PlacementGroupId placementGroupOfExtent(long extentIndex) {
        return slots.get(Slot.ofExtent(extentIndex).index());
    }
}
