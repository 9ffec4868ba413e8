package io.mirach.protocol.cluster;

/**
 * Long poll: answered with a {@link MapUpdate} once the map is newer than {@code knownVersion}, or
 * after the wait.
 */
public record GetMap(long knownVersion, int waitMs) {}
