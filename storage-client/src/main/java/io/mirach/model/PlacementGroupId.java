package io.mirach.model;

/** Names a placement group. Greater than zero. */
public record PlacementGroupId(int value) implements Comparable<PlacementGroupId> {
    public PlacementGroupId {
        if (value <= 0) {
            throw new IllegalArgumentException("placement group id must be positive: " + value);
        }
    }

    @Override
    public int compareTo(PlacementGroupId other) {
        return Integer.compare(value, other.value);
    }

    @Override
    public String toString() {
        return "pg" + value;
    }
}
