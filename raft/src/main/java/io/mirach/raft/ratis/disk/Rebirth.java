package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * That a replica was made anew, in a group that its data dir may have belonged to before. Lies in
 * its directory for as long as the replica does.
 *
 * @param configuration the index of the committed configuration without it: by none up to there
 *     does it vote
 * @param logBase where its log begins: it kept the state that it had up to there; -1 if none
 */
public record Rebirth(long configuration, long logBase) {
    private static final String FILE_NAME = "rebirth";
    private static final int BYTES = 2 * Long.BYTES;

    void write(Path current) throws IOException {
        byte[] bytes = ByteBuffer.allocate(BYTES).putLong(configuration).putLong(logBase).array();
        DurableFiles.replace(current.resolve(FILE_NAME), bytes);
        CheckedCopy.update(current.resolve(FILE_NAME));
    }

    /** What is written there; empty if the replica is its data dir's first of this group. */
    public static Optional<Rebirth> read(Path current) throws IOException {
        // Only the copy has a checksum.
        return CheckedCopy.read(current.resolve(FILE_NAME))
                .filter(bytes -> bytes.length == BYTES)
                .map(ByteBuffer::wrap)
                .map(bytes -> new Rebirth(bytes.getLong(), bytes.getLong()));
    }

    /**
     * The same, before a start.
     *
     * @throws DamagedException if there is one that cannot be read: the replica might vote too soon
     */
    static Optional<Rebirth> verify(Path current) throws IOException, DamagedException {
        Optional<Rebirth> read = read(current);
        if (read.isEmpty()
                && (Files.exists(current.resolve(FILE_NAME))
                        || Files.exists(CheckedCopy.path(current.resolve(FILE_NAME))))) {
            throw new DamagedException(FILE_NAME + " cannot be read");
        }
        return read;
    }
}
