package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;

/**
 * Term and vote of a replica, as Ratis keeps them in {@code raft-meta}: two properties without a
 * checksum. The copy of the file holds the last term in which a vote was given or asked for.
 *
 * @param votedFor a peer's id; empty if there was no vote in that term
 */
record RaftMeta(long term, String votedFor) {
    static final String FILE_NAME = "raft-meta";
    private static final String TERM = "term";
    private static final String VOTED_FOR = "votedFor";

    /**
     * What this replica must not go behind, from the file and its copy.
     *
     * @throws DamagedException if neither can be relied on
     */
    static RaftMeta read(Path current) throws IOException, DamagedException {
        Path file = current.resolve(FILE_NAME);
        Optional<RaftMeta> own =
                Files.exists(file) ? parse(Files.readAllBytes(file)) : Optional.empty();
        Optional<RaftMeta> promised = CheckedCopy.read(file).flatMap(RaftMeta::parse);
        if (own.isEmpty() && promised.isEmpty()) {
            throw new DamagedException(
                    FILE_NAME + " is missing or cannot be read, and with it the vote");
        }
        if (promised.isEmpty()) {
            return own.get();
        }
        // A term that is newer than the copy saw no vote, whatever the file says.
        return own.filter(meta -> meta.term > promised.get().term).orElse(promised.get());
    }

    private static Optional<RaftMeta> parse(byte[] bytes) {
        Properties properties = new Properties();
        try {
            properties.load(new ByteArrayInputStream(bytes));
            if (properties.size() != 2) {
                return Optional.empty();
            }
            long term = Long.parseLong(properties.getProperty(TERM, ""));
            String votedFor = properties.getProperty(VOTED_FOR);
            if (term < 0 || votedFor == null || !(votedFor.isEmpty() || isPeer(votedFor))) {
                return Optional.empty();
            }
            return Optional.of(new RaftMeta(term, votedFor));
        } catch (IOException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static boolean isPeer(String votedFor) {
        return UUID.fromString(votedFor).toString().equals(votedFor);
    }

    /** This, but of at least {@code atLeast}: nobody was voted for in a newer term. */
    RaftMeta raised(long atLeast) {
        return atLeast > term ? new RaftMeta(atLeast, "") : this;
    }

    /** Writes it, and its copy, if the file says anything else. Blocks. */
    void write(Path current) throws IOException {
        Path file = current.resolve(FILE_NAME);
        boolean same =
                Files.exists(file)
                        && parse(Files.readAllBytes(file)).filter(this::equals).isPresent();
        if (!same) {
            String text = TERM + "=" + term + "\n" + VOTED_FOR + "=" + votedFor + "\n";
            DurableFiles.replace(file, text.getBytes(StandardCharsets.ISO_8859_1));
        }
        CheckedCopy.update(file);
    }
}
