package io.mirach.raft.ratis.peer;

import java.net.InetSocketAddress;
import java.util.UUID;

/**
 * Settings of one host's connections to its peers.
 *
 * @param peerId this host's
 * @param address to listen on
 * @param maxMessageBytes the largest message that comes or goes
 * @param callTimeoutMillis how long a vote is waited for
 */
public record PeerSettings(
        UUID peerId,
        InetSocketAddress address,
        int maxMessageBytes,
        long callTimeoutMillis,
        VoteGuard guard) {}
