package io.mirach.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The user's block device.
 *
 * @param sizeBytes a multiple of 4 KiB
 * @param extentBytes bytes per extent, a power of two from 64 KiB to 16 MiB, fixed for life
 * @param slots the placement group of each of the 64 slots
 * @param head the writable layer
 * @param createdAtMs wall clock, milliseconds since 1970
 * @param strictReads reads trust no clock: a leader asks a majority before it answers
 * @param snapshots the oldest first; each one's layer rests on that of the one before it, and the
 *     head on the last. With those that were given up, whose layers are still there.
 * @param sealing at most one snapshot is being taken at a time
 * @param limits shared evenly by all that have it attached
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
        boolean strictReads,
        List<Snapshot> snapshots,
        Optional<Sealing> sealing,
        IoLimits limits) {
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
        // Absent from what releases without snapshots have written.
        snapshots = snapshots == null ? List.of() : List.copyOf(snapshots);
        sealing = sealing == null ? Optional.empty() : sealing;
        // Likewise from those without limits.
        limits = limits == null ? IoLimits.NONE : limits;
    }

    /** Reads trust the leader's lease; no snapshots, no limits. */
    public Volume(
            VolumeId id,
            String name,
            long sizeBytes,
            int extentBytes,
            List<PlacementGroupId> slots,
            LayerId head,
            State state,
            long createdAtMs) {
        this(
                id,
                name,
                sizeBytes,
                extentBytes,
                slots,
                head,
                state,
                createdAtMs,
                false,
                List.of(),
                Optional.empty(),
                IoLimits.NONE);
    }

    public Volume inState(State next) {
        return copy(head, next, strictReads, snapshots, sealing, limits);
    }

    public Volume withStrictReads(boolean next) {
        return copy(head, state, next, snapshots, sealing, limits);
    }

    public Volume withLimits(IoLimits next) {
        return copy(head, state, strictReads, snapshots, sealing, next);
    }

    /** With other layers. */
    public Volume with(LayerId newHead, List<Snapshot> newSnapshots, Optional<Sealing> nowSealing) {
        return copy(newHead, state, strictReads, newSnapshots, nowSealing, limits);
    }

    /** With all that can change. */
    private Volume copy(
            LayerId newHead,
            State newState,
            boolean newStrictReads,
            List<Snapshot> newSnapshots,
            Optional<Sealing> nowSealing,
            IoLimits newLimits) {
        return new Volume(
                id,
                name,
                sizeBytes,
                extentBytes,
                slots,
                newHead,
                newState,
                createdAtMs,
                newStrictReads,
                newSnapshots,
                nowSealing,
                newLimits);
    }

    /** The one of that name that users know of. */
    public Optional<Snapshot> snapshotNamed(String snapshotName) {
        return snapshots.stream()
                .filter(s -> s.visible() && s.name().equals(snapshotName))
                .findFirst();
    }

    public Optional<Snapshot> snapshot(long snapshotId) {
        return snapshots.stream().filter(s -> s.id() == snapshotId).findFirst();
    }

    /**
     * The seals that lead from the volume's first layer to its head, in their order: what a
     * placement group that knows no more than the first layer has to do.
     */
    public List<Sealing> seals() {
        List<Sealing> seals = new ArrayList<>();
        for (int i = 0; i < snapshots.size(); i++) {
            Snapshot snapshot = snapshots.get(i);
            LayerId next = i + 1 < snapshots.size() ? snapshots.get(i + 1).layer() : head;
            // The head itself is being sealed, and what comes above it is closed.
            if (!next.equals(snapshot.layer())) {
                seals.add(new Sealing(snapshot.id(), snapshot.layer(), next));
            }
        }
        return seals;
    }

    /** The oldest layer. */
    public LayerId firstLayer() {
        return snapshots.isEmpty() ? head : snapshots.get(0).layer();
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
