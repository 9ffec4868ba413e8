package io.mirach.raft;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/** A Raft group and its voters. */
public record RaftGroupMembers(UUID groupId, List<Peer> peers) {
    public RaftGroupMembers {
        Objects.requireNonNull(groupId, "groupId");
        peers = List.copyOf(peers);
    }
}
