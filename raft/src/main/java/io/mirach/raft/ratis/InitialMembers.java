package io.mirach.raft.ratis;

import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.ratis.disk.MembersFile;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;

/**
 * Writes the members that a group begins with to where Ratis looks for them. Ratis itself writes
 * them only when the first leader's first entry is applied: a replica that restarts before that
 * would come up in a group of nobody, and if all did, there would never be a leader.
 */
final class InitialMembers {
    private InitialMembers() {}

    /**
     * @param currentDirectory the group's {@code current} folder; nothing else uses it yet
     */
    static void write(RaftGroupMembers members, Path currentDirectory) throws IOException {
        if (MembersFile.exists(currentDirectory)) {
            return; // A configuration that was committed; it knows better.
        }
        RaftConfigurationProto.Builder configuration = RaftConfigurationProto.newBuilder();
        for (Peer peer : members.peers()) {
            configuration.addPeers(PeerIds.raftPeer(peer).getRaftPeerProto());
        }
        // Term 0 is before any leader's, and index 0 is where the first leader puts this very
        // configuration.
        LogEntryProto entry =
                LogEntryProto.newBuilder()
                        .setTerm(0)
                        .setIndex(0)
                        .setConfigurationEntry(configuration)
                        .build();
        MembersFile.write(currentDirectory, entry);
    }
}
