package io.mirach.raft.ratis;

import io.mirach.raft.Peer;
import io.mirach.raft.RaftGroupMembers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;

/**
 * Writes the members that a group begins with to where Ratis looks for them. Ratis itself writes
 * them only when the first leader's first entry is applied: a replica that restarts before that
 * would come up in a group of nobody, and if all did, there would never be a leader.
 */
final class InitialMembers {
    // The name and the content are Ratis's: a configuration entry.
    private static final String FILE_NAME = "raft-meta.conf";

    private InitialMembers() {}

    /**
     * @param currentDirectory the group's {@code current} folder; nothing else uses it yet
     */
    static void write(RaftGroupMembers members, Path currentDirectory) throws IOException {
        Path file = currentDirectory.resolve(FILE_NAME);
        if (Files.exists(file)) {
            return; // A configuration that was committed; it knows better.
        }
        RaftConfigurationProto.Builder configuration = RaftConfigurationProto.newBuilder();
        for (Peer peer : members.peers()) {
            configuration.addPeers(PeerIds.raftPeer(peer).getRaftPeerProto());
        }
        // Term 0 is before any leader's, and index 0 is where the first leader puts this very
        // configuration.
        byte[] entry =
                LogEntryProto.newBuilder()
                        .setTerm(0)
                        .setIndex(0)
                        .setConfigurationEntry(configuration)
                        .build()
                        .toByteArray();
        Path draft = currentDirectory.resolve(FILE_NAME + ".draft");
        try (FileChannel out =
                FileChannel.open(
                        draft,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(entry);
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
            out.force(true);
        }
        Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(currentDirectory, StandardOpenOption.READ)) {
            directory.force(true);
        }
    }
}
