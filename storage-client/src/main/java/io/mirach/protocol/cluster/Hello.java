package io.mirach.protocol.cluster;

import java.util.Optional;
import java.util.UUID;

/**
 * First on a connection, both ways. A node that belongs to another cluster refuses with
 * WRONG_CLUSTER.
 *
 * @param clusterId empty when the sender does not know it yet
 * @param from the sender, for logs
 */
public record Hello(int protocolVersion, Optional<UUID> clusterId, String from) {}
