package io.mirach.protocol.cluster;

/**
 * Asks for a newer cluster map; answered with a {@link MapUpdate}. A long poll, which any node
 * answers once its map is newer than {@code knownVersion}, or after the wait; or a question for the
 * newest one, which only the meta leader answers, at once, with all that was ever acknowledged.
 */
public record GetMap(long knownVersion, int waitMs, boolean newest) {
    /** Any node's map, once it is newer. */
    public static GetMap poll(long knownVersion, int waitMs) {
        return new GetMap(knownVersion, waitMs, false);
    }

    /** The meta leader's map. */
    public static GetMap newest(long knownVersion) {
        return new GetMap(knownVersion, 0, true);
    }
}
