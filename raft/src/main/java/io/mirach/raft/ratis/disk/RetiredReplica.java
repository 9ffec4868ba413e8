package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import io.mirach.raft.LogPosition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;

/**
 * A replica that was set aside because its group goes on, from what it has, as another group. The
 * reason for which it was set aside names that group, and is written with the renaming; a file
 * beside says how far the other group's making has come.
 */
public final class RetiredReplica {
    private static final String REASON =
            "the placement group was recovered from this replica, and goes on as Raft group ";
    private static final String FILE_NAME = "succession";
    private static final int BYTES = 1 + 3 * Long.BYTES;

    /** What is done with an entry of its log. */
    public interface EntryReader {
        void read(LogEntryProto entry) throws IOException;
    }

    /**
     * What the successor begins with, once all of the log is applied and durable.
     *
     * @param made the successor's replica is there, or was: it is not made again
     * @param state where the state is
     * @param term the successor's first
     */
    public record Beginning(boolean made, LogPosition state, long term) {}

    private final Path directory;
    private final UUID successor;

    private RetiredReplica(Path directory, UUID successor) {
        this.directory = directory;
        this.successor = successor;
    }

    static String reason(UUID successor) {
        return REASON + successor;
    }

    static Optional<RetiredReplica> find(Path storageDir, UUID group) throws IOException {
        Optional<Path> kept = LostReplicas.current(storageDir, group);
        if (kept.isEmpty()) {
            return Optional.empty();
        }
        String reason = LostReplicas.reason(kept.get());
        return reason.startsWith(REASON)
                ? Optional.of(
                        new RetiredReplica(
                                kept.get(), UUID.fromString(reason.substring(REASON.length()))))
                : Optional.empty();
    }

    public UUID successor() {
        return successor;
    }

    /** Empty as long as not all of the log is applied and durable. */
    public Optional<Beginning> beginning() throws IOException {
        return CheckedCopy.read(file())
                .filter(bytes -> bytes.length == BYTES)
                .map(ByteBuffer::wrap)
                .map(
                        in ->
                                new Beginning(
                                        in.get() != 0,
                                        new LogPosition(in.getLong(), in.getLong()),
                                        in.getLong()));
    }

    /** All of the log is applied, and the state at {@code state} is on disk. */
    public Beginning applied(LogPosition state) throws IOException {
        Beginning beginning =
                new Beginning(false, state, Math.max(state.term(), lastTerm(state.term())));
        write(beginning);
        return beginning;
    }

    /** The successor's replica is on disk. */
    public void made(Beginning beginning) throws IOException {
        write(new Beginning(true, beginning.state(), beginning.term()));
    }

    private long lastTerm(long atLeast) throws IOException {
        if (!Files.exists(current().resolve(RaftMeta.FILE_NAME))) {
            return atLeast; // Its creation was cut off: it has no term.
        }
        try {
            return RaftMeta.read(current()).raised(atLeast).term();
        } catch (DamagedException e) {
            throw new IOException("what was set aside in " + directory + " is damaged", e);
        }
    }

    private void write(Beginning beginning) throws IOException {
        byte[] bytes =
                ByteBuffer.allocate(BYTES)
                        .put((byte) (beginning.made() ? 1 : 0))
                        .putLong(beginning.state().term())
                        .putLong(beginning.state().index())
                        .putLong(beginning.term())
                        .array();
        DurableFiles.replace(file(), bytes);
        CheckedCopy.update(file());
    }

    /**
     * Reads all entries behind an index, in order. Blocks; one segment at a time is in memory.
     *
     * @throws IOException also if the log has been damaged since it was set aside
     */
    public void entriesBehind(long index, EntryReader reader) throws IOException {
        try {
            for (SegmentFile segment : LogFiles.verify(current()).segments()) {
                if (segment.end() > index) {
                    read(segment, index, reader);
                }
            }
        } catch (DamagedException e) {
            throw new IOException("what was set aside in " + directory + " is damaged", e);
        }
    }

    private static void read(SegmentFile segment, long index, EntryReader reader)
            throws IOException {
        byte[] file = Files.readAllBytes(segment.path());
        int at = SegmentFile.HEADER_BYTES;
        while (at < segment.goodBytes()) {
            EntryFrame frame = EntryFrame.at(file, at, file.length);
            if (!frame.intact()) {
                throw new IOException(segment.path() + " has changed while it was read");
            }
            if (frame.index() > index) {
                reader.read(frame.entry(file, at));
            }
            at = (int) frame.end();
        }
    }

    private Path current() {
        return directory.resolve("current");
    }

    private Path file() {
        return directory.resolve(FILE_NAME);
    }
}
