package io.mirach.raft.ratis;

import io.mirach.raft.LogPosition;
import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import io.mirach.raft.ratis.disk.MembersFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerRole;

/**
 * Writes the members that a group begins with to where Ratis looks for them. Ratis itself writes
 * them only when the first leader's first entry is applied: a replica that restarts before that
 * would come up in a group of nobody, and if all did, there would never be a leader.
 */
final class InitialMembers {
    private InitialMembers() {}

    /**
     * The configuration entry of {@code members}.
     *
     * @param learner one more, which does not vote
     */
    static LogEntryProto entry(
            RaftGroupMembers members, Optional<Peer> learner, LogPosition position) {
        RaftConfigurationProto.Builder configuration = RaftConfigurationProto.newBuilder();
        for (Peer peer : members.peers()) {
            configuration.addPeers(PeerIds.raftPeer(peer).getRaftPeerProto());
        }
        learner.ifPresent(
                peer ->
                        configuration.addListeners(
                                MemberChanges.peers(List.of(peer), RaftPeerRole.LISTENER)
                                        .get(0)
                                        .getRaftPeerProto()));
        return LogEntryProto.newBuilder()
                .setTerm(position.term())
                .setIndex(position.index())
                .setConfigurationEntry(configuration)
                .build();
    }

    /**
     * @param currentDirectory the group's {@code current} folder; nothing else uses it yet
     */
    static void write(RaftGroupMembers members, Path currentDirectory) throws IOException {
        if (MembersFile.exists(currentDirectory)) {
            return; // A configuration that was committed; it knows better.
        }
        // Term 0 is before any leader's, and index 0 is where the first leader puts this very
        // configuration.
        LogEntryProto entry = entry(members, Optional.empty(), new LogPosition(0, 0));
        MembersFile.write(currentDirectory, entry);
    }
}
