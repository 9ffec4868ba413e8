package io.mirach.model;

/**
 * Names a layer, cluster-unique, never used again. Greater than zero: the store keeps its own
 * records under zero.
 */
public record LayerId(long value) implements Comparable<LayerId> {
    public LayerId {
        if (value <= 0) {
            throw new IllegalArgumentException("layer id must be positive: " + value);
        }
    }

    @Override
    public int compareTo(LayerId other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return "l" + value;
    }
}
