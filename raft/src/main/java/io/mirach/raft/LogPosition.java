package io.mirach.raft;

/**
 * A place in a replicated log: the term of an entry and its index. {@link #NONE} is before the
 * first entry.
 */
public record LogPosition(long term, long index) implements Comparable<LogPosition> {
    public static final LogPosition NONE = new LogPosition(0, -1);

    @Override
    public int compareTo(LogPosition other) {
        return Long.compare(index, other.index);
    }
}
