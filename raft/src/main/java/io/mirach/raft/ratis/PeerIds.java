package io.mirach.raft.ratis;

import io.mirach.raft.Peer;
import java.util.UUID;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;

/** Names of replicas and groups, here and in Ratis. */
final class PeerIds {
    private PeerIds() {}

    static RaftPeerId raftPeerId(UUID peer) {
        return RaftPeerId.valueOf(peer.toString());
    }

    static UUID uuid(RaftPeerId peer) {
        return UUID.fromString(peer.toString());
    }

    static RaftGroupId raftGroupId(UUID group) {
        return RaftGroupId.valueOf(group);
    }

    /** Equal priorities: leadership moves by explicit transfer only. */
    static RaftPeer raftPeer(Peer peer) {
        return RaftPeer.newBuilder()
                .setId(raftPeerId(peer.id()))
                .setAddress(peer.address())
                .setPriority(0)
                .build();
    }
}
