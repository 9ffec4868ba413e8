package io.mirach.model;

import java.util.Objects;

/**
 * A volume as it was at one moment: the layer that was its head until then, with all older ones.
 *
 * @param id the number of the layer that it sealed: names it for life, in the whole cluster
 * @param name unique in the volume among those that are {@link #visible}
 * @param sizeBytes of the volume when it was taken
 * @param createdAtMs wall clock, milliseconds since 1970
 */
public record Snapshot(
        long id, String name, LayerId layer, long sizeBytes, State state, long createdAtMs) {
    /** As many layers may lie under a volume's head. */
    public static final int MAX_PER_VOLUME = 512;

    /** Where a snapshot is in its life. */
    public enum State {
        /** Not every placement group of the volume is known to have sealed its layer. */
        SEALING,
        /** Its layer never changes again: it can be read. */
        READY,
        /** It was given up; only its layer is left, which the layers above it rest on. */
        DROPPED
    }

    public Snapshot {
        VolumeName.check(name);
        Objects.requireNonNull(layer, "layer");
        Objects.requireNonNull(state, "state");
    }

    /** Whether users know of it. */
    public boolean visible() {
        return state != State.DROPPED;
    }

    public Snapshot in(State next) {
        return new Snapshot(id, name, layer, sizeBytes, next, createdAtMs);
    }
}
