package io.mirach.server.cluster;

import java.util.Map;
import java.util.Objects;

/**
 * The meta leader's answer to a heartbeat.
 *
 * @param leader the meta leader's node
 * @param leaderHttpAddress where it serves the admin API
 * @param lastSeenMs by node name: milliseconds since its last heartbeat
 */
public record HeartbeatReply(
        String leader, String leaderHttpAddress, long mapVersion, Map<String, Long> lastSeenMs) {
    public HeartbeatReply {
        Objects.requireNonNull(leader, "leader");
        Objects.requireNonNull(leaderHttpAddress, "leaderHttpAddress");
        lastSeenMs = Map.copyOf(lastSeenMs);
    }
}
