package io.mirach.model;

/** Names a volume for life; never used again after its deletion. Greater than zero. */
public record VolumeId(long value) implements Comparable<VolumeId> {
    public VolumeId {
        if (value <= 0) {
            throw new IllegalArgumentException("volume id must be positive: " + value);
        }
    }

    @Override
    public int compareTo(VolumeId other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return "v" + value;
    }
}
