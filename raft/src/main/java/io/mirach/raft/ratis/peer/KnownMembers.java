package io.mirach.raft.ratis.peer;

import java.io.IOException;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftConfiguration;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.ProtoUtils;

/**
 * Takes out of a leader's notice the members that this replica knows. Ratis 3.3.0 forgets all it
 * has, and then notes those of the notice, in two steps without its lock: an election that begins
 * in between finds a replica that is no member, and closes it for good.
 */
final class KnownMembers {
    private KnownMembers() {}

    static InstallSnapshotRequestProto leaveOut(
            RaftServer server, InstallSnapshotRequestProto notice) throws IOException {
        if (!notice.hasLastRaftConfigurationLogEntryProto()) {
            return notice;
        }
        RaftConfiguration known =
                server.getDivision(
                                ProtoUtils.toRaftGroupId(
                                        notice.getServerRequest().getRaftGroupId()))
                        .getRaftConf();
        RaftConfigurationProto told =
                notice.getLastRaftConfigurationLogEntryProto().getConfigurationEntry();
        boolean same =
                protos(known.getCurrentPeers()).equals(new HashSet<>(told.getPeersList()))
                        && protos(known.getPreviousPeers())
                                .equals(new HashSet<>(told.getOldPeersList()))
                        && protos(known.getAllPeers(RaftPeerRole.LISTENER))
                                .equals(
                                        listeners(
                                                told.getListenersList(),
                                                told.getOldListenersList()));
        return same ? notice.toBuilder().clearLastRaftConfigurationLogEntryProto().build() : notice;
    }

    private static Set<RaftPeerProto> listeners(
            List<RaftPeerProto> current, List<RaftPeerProto> previous) {
        Set<RaftPeerProto> all = new HashSet<>(current);
        all.addAll(previous);
        return all;
    }

    private static Set<RaftPeerProto> protos(Collection<RaftPeer> peers) {
        Set<RaftPeerProto> protos = new HashSet<>();
        peers.forEach(peer -> protos.add(peer.getRaftPeerProto()));
        return protos;
    }
}
