package io.mirach.model;

/** Names an attachment and fences: cluster-unique and growing. Greater than zero. */
public record Epoch(long value) implements Comparable<Epoch> {
    public Epoch {
        if (value <= 0) {
            throw new IllegalArgumentException("epoch must be positive: " + value);
        }
    }

    @Override
    public int compareTo(Epoch other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return "e" + value;
    }
}
