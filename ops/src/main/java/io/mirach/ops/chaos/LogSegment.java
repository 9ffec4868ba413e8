package io.mirach.ops.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A file of a stopped node's Raft log, as Ratis lays it out: 8 bytes of header; per entry its
 * length, itself (protobuf: term, index, content) and a CRC32C; zeroes. Read here by itself, so
 * that a mistake of the node's own reader is not repeated.
 *
 * @param firstIndex of its entries
 * @param lastTerm of its last whole entry; 0 if there is none
 * @param lastIndex of its last whole entry; before the first if there is none
 * @param endBytes where its last whole entry ends
 */
record LogSegment(
        Path path, boolean open, long firstIndex, long lastTerm, long lastIndex, int endBytes) {
    private static final int HEADER_BYTES = 8;
    private static final int CHECKSUM_BYTES = 4;
    private static final int TERM_TAG = 0x08;
    private static final int INDEX_TAG = 0x10;
    private static final int CONTENT_TAG = 0x1a;
    private static final Pattern NAME = Pattern.compile("log_(?:inprogress_(\\d+)|(\\d+)-(\\d+))");

    /** All that a node has of a group's log, the oldest first. */
    static List<LogSegment> list(ClusterNode node, UUID group) {
        Path folder = raftFolder(node).resolve(group.toString()).resolve("current");
        List<LogSegment> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches()) {
                    found.add(
                            name.group(1) != null
                                    ? read(file, true, Long.parseLong(name.group(1)), -1)
                                    : read(
                                            file,
                                            false,
                                            Long.parseLong(name.group(2)),
                                            Long.parseLong(name.group(3))));
                }
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        found.sort(Comparator.comparingLong(LogSegment::firstIndex));
        return found;
    }

    /** Where a node's logs lie, and what it set aside. */
    static Path raftFolder(ClusterNode node) {
        return node.dataDir().resolve("raft");
    }

    /** The segment that grows, if it has an entry. */
    static Optional<LogSegment> openOne(ClusterNode node, UUID group) {
        return list(node, group).stream()
                .filter(segment -> segment.open() && segment.lastTerm() > 0)
                .findFirst();
    }

    /**
     * @param namedLast behind it nothing counts; -1 while the segment is open
     */
    private static LogSegment read(Path file, boolean open, long first, long namedLast)
            throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int end = HEADER_BYTES;
        long term = 0;
        long index = first - 1;
        while (open || index < namedLast) {
            ByteBuffer in = ByteBuffer.wrap(bytes).position(Math.min(end, bytes.length));
            long length = varint(in);
            if (length <= 0 || length + CHECKSUM_BYTES > in.remaining()) {
                break;
            }
            int checksumAt = in.position() + (int) length;
            CRC32C checksum = new CRC32C();
            checksum.update(bytes, end, checksumAt - end);
            if (ByteBuffer.wrap(bytes).getInt(checksumAt) != (int) checksum.getValue()) {
                break;
            }
            term = in.get() == TERM_TAG ? varint(in) : term;
            // Zeroes are not written: the first entry has no index.
            index = in.get() == INDEX_TAG ? varint(in) : index + 1;
            end = checksumAt + CHECKSUM_BYTES;
        }
        return new LogSegment(file, open, first, term, index, end);
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; in.hasRemaining() && shift < Long.SIZE; shift += 7) {
            byte next = in.get();
            value |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                return value;
            }
        }
        return -1;
    }

    /** What Ratis would write as the entry behind the last one, with {@code content}. */
    byte[] nextEntry(byte[] content) {
        ByteBuffer body = ByteBuffer.allocate(content.length + 64);
        body.put((byte) TERM_TAG);
        putVarint(body, lastTerm);
        body.put((byte) INDEX_TAG);
        putVarint(body, lastIndex + 1);
        body.put((byte) CONTENT_TAG);
        putVarint(body, content.length);
        body.put(content).flip();
        ByteBuffer frame = ByteBuffer.allocate(body.remaining() + 64);
        putVarint(frame, body.remaining());
        frame.put(body);
        CRC32C checksum = new CRC32C();
        checksum.update(frame.array(), 0, frame.position());
        frame.putInt((int) checksum.getValue()).flip();
        byte[] bytes = new byte[frame.remaining()];
        frame.get(bytes);
        return bytes;
    }

    private static void putVarint(ByteBuffer out, long value) {
        long rest = value;
        while (rest > 0x7f) {
            out.put((byte) (rest | 0x80));
            rest >>>= 7;
        }
        out.put((byte) rest);
    }
}
