package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftConfigurationProto;
import org.apache.ratis.proto.RaftProtos.RaftPeerProto;
import org.apache.ratis.thirdparty.com.google.protobuf.InvalidProtocolBufferException;

/** The newest committed members of a group, where Ratis looks for them: a configuration entry. */
public final class MembersFile {
    static final String FILE_NAME = "raft-meta.conf";

    private MembersFile() {}

    public static boolean exists(Path current) {
        return Files.exists(current.resolve(FILE_NAME));
    }

    /** Writes it and its copy. Blocks. */
    public static void write(Path current, LogEntryProto configuration) throws IOException {
        DurableFiles.replace(current.resolve(FILE_NAME), configuration.toByteArray());
        CheckedCopy.update(current.resolve(FILE_NAME));
    }

    /** What is written there; empty if nothing is, or it is damaged. */
    public static Optional<LogEntryProto> read(Path current) throws IOException {
        Path file = current.resolve(FILE_NAME);
        return Files.exists(file) ? parse(Files.readAllBytes(file)) : Optional.empty();
    }

    /**
     * Makes it what it was, if it is damaged.
     *
     * @throws DamagedException if it is, and its copy too
     */
    static void verify(Path current) throws IOException, DamagedException {
        Path file = current.resolve(FILE_NAME);
        byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
        Optional<LogEntryProto> own = parse(bytes);
        Optional<byte[]> copied = CheckedCopy.read(file);
        Optional<LogEntryProto> copy = copied.flatMap(MembersFile::parse);
        if (own.isEmpty() && copy.isEmpty()) {
            throw new DamagedException(FILE_NAME + " is missing or cannot be read");
        }
        if (copy.isEmpty() || (own.isPresent() && own.get().getIndex() > copy.get().getIndex())) {
            CheckedCopy.update(file);
        } else if (own.isEmpty() || !own.get().equals(copy.get())) {
            DurableFiles.replace(file, copied.get());
        }
    }

    private static Optional<LogEntryProto> parse(byte[] bytes) {
        try {
            LogEntryProto entry = LogEntryProto.parseFrom(bytes);
            RaftConfigurationProto members = entry.getConfigurationEntry();
            boolean good =
                    entry.hasConfigurationEntry()
                            && members.getPeersCount() > 0
                            && members.getUnknownFields().asMap().isEmpty()
                            && Stream.of(
                                            members.getPeersList(),
                                            members.getOldPeersList(),
                                            members.getListenersList(),
                                            members.getOldListenersList())
                                    .flatMap(List::stream)
                                    .allMatch(MembersFile::isPeer);
            return good ? Optional.of(entry) : Optional.empty();
        } catch (InvalidProtocolBufferException e) {
            return Optional.empty();
        }
    }

    private static boolean isPeer(RaftPeerProto peer) {
        try {
            UUID.fromString(peer.getId().toStringUtf8());
            return !peer.getAddress().isEmpty() && peer.getUnknownFields().asMap().isEmpty();
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
