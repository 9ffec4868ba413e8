package io.mirach.raft.ratis.disk;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One file of a Raft log, read whole and judged entry by entry.
 *
 * <p>An <em>open</em> segment may end in entries that were being written when the process or the
 * machine died. They had not been flushed, so this replica has acknowledged them to nobody.
 * Segments are filled with zeroes ahead of their entries, so what of such an entry did not reach
 * the disk is zero, or beyond the end of the file: a kill leaves its beginning, a power cut any of
 * its sectors. That tells it from an entry that was whole once.
 */
final class SegmentFile {
    private static final byte[] HEADER = "RaftLog1".getBytes(StandardCharsets.US_ASCII);

    /** Where the first entry begins. */
    static final int HEADER_BYTES = HEADER.length;

    private static final Pattern CLOSED = Pattern.compile("log_(\\d{1,18})-(\\d{1,18})");
    private static final Pattern OPEN = Pattern.compile("log_inprogress_(\\d{1,18})");
    // Ratis closes a segment at 8 MiB; an entry may go over it.
    private static final long MAX_BYTES = 64L << 20;
    private static final int SECTOR_BYTES = 512;
    // Once Ratis has read an entry of over 1 MiB, it reads 2 MiB of zeroes at once and loses its
    // place ("Resetting to invalid mark"). So many are there if it died about to write such an
    // entry.
    private static final int MAX_ZERO_BYTES = 1 << 20;
    // No entry's length, term, index and the length of its content take more.
    private static final int MAX_ENTRY_HEADER_BYTES = 40;

    private final Path path;
    private final long start;
    private final long namedEnd; // -1 while the segment is open.
    private long end; // The last good entry.
    private long lastTerm;
    private long goodBytes;
    private long fileBytes;
    private boolean torn;

    private SegmentFile(Path path, long start, long namedEnd) {
        this.path = path;
        this.start = start;
        this.namedEnd = namedEnd;
        this.end = start - 1;
    }

    /** The segment that a file's name speaks of; null if it is none. */
    static SegmentFile named(Path path) {
        String name = path.getFileName().toString();
        Matcher closed = CLOSED.matcher(name);
        if (closed.matches()) {
            return new SegmentFile(
                    path, Long.parseLong(closed.group(1)), Long.parseLong(closed.group(2)));
        }
        Matcher open = OPEN.matcher(name);
        return open.matches() ? new SegmentFile(path, Long.parseLong(open.group(1)), -1) : null;
    }

    Path path() {
        return path;
    }

    long start() {
        return start;
    }

    boolean isOpen() {
        return namedEnd < 0;
    }

    /** The index of the last good entry; before {@link #start} if there is none. */
    long end() {
        return end;
    }

    boolean isEmpty() {
        return end < start;
    }

    long lastTerm() {
        return lastTerm;
    }

    /** Whether entries behind the last good one never were whole. */
    boolean isTorn() {
        return torn;
    }

    /** Whether more zeroes stand behind the last good entry than Ratis reads over. */
    boolean hasLongTail() {
        return isOpen() && !torn && fileBytes - goodBytes > MAX_ZERO_BYTES;
    }

    /** Whether a closed segment's entries end before its name says, cleanly. */
    boolean endsEarly() {
        return !isOpen() && end < namedEnd;
    }

    /** Where the last good entry ends. */
    long goodBytes() {
        return goodBytes;
    }

    /** What its last entry makes of its name. */
    Path closedPath() {
        return path.resolveSibling("log_" + start + "-" + end);
    }

    /**
     * Reads and judges all entries.
     *
     * @param buffer at least as large as the file
     * @param termBefore of the entry before this segment's first
     * @throws DamagedException if there is anything but good entries, and torn ones at the end of
     *     an open segment
     */
    void verify(byte[] buffer, long termBefore) throws DamagedException {
        int limit = read(buffer);
        lastTerm = termBefore;
        fileBytes = limit;
        if (!verifyHeader(buffer, limit)) {
            return;
        }
        int at = HEADER.length;
        goodBytes = at;
        // Behind its last index a closed segment may hold what a new leader had cut off; Ratis
        // does not look there either.
        while (isOpen() || end < namedEnd) {
            if (isOpen() ? isZero(buffer, at, limit) : at == limit) {
                return;
            }
            EntryFrame frame = EntryFrame.at(buffer, at, limit);
            if (!frame.intact()) {
                judgeBadEntry(buffer, at, limit, frame);
                return;
            }
            follows(frame, at);
            end = frame.index();
            lastTerm = frame.term();
            at = (int) frame.end();
            goodBytes = at;
        }
    }

    private void follows(EntryFrame frame, int at) throws DamagedException {
        if (frame.index() != end + 1 || frame.term() < lastTerm) {
            throw new DamagedException(
                    String.format(
                            "%s has entry %d of term %d at byte %d, where entry %d of at least"
                                    + " term %d should be",
                            path.getFileName(),
                            frame.index(),
                            frame.term(),
                            at,
                            end + 1,
                            lastTerm));
        }
    }

    private int read(byte[] buffer) throws DamagedException {
        try (InputStream in = Files.newInputStream(path)) {
            return in.readNBytes(buffer, 0, buffer.length);
        } catch (IOException e) {
            // A sector that cannot be read any more is damage like any other; what else is on this
            // disk may be well.
            throw new DamagedException(path.getFileName() + " cannot be read: " + e);
        }
    }

    /**
     * @return false if the file never had a whole header, so that nothing was written to it
     */
    private boolean verifyHeader(byte[] buffer, int limit) throws DamagedException {
        int matching = 0;
        while (matching < Math.min(limit, HEADER.length) && buffer[matching] == HEADER[matching]) {
            matching++;
        }
        if (matching == HEADER.length) {
            return true;
        }
        if (isOpen() && isZero(buffer, matching, limit)) {
            return false;
        }
        throw new DamagedException(path.getFileName() + " does not begin as a log segment does");
    }

    private void judgeBadEntry(byte[] buffer, int at, int limit, EntryFrame frame)
            throws DamagedException {
        if (!isOpen() || !isTorn(buffer, at, limit, frame)) {
            throw new DamagedException(
                    String.format(
                            "entry %d, at byte %d of %s, is damaged",
                            end + 1, at, path.getFileName()));
        }
        torn = true;
    }

    private boolean isTorn(byte[] buffer, int at, int limit, EntryFrame frame) {
        // Nothing of its first sector, or no more than a part of its header.
        if (isZero(buffer, at, endOfSector(at))
                || isZero(buffer, at + MAX_ENTRY_HEADER_BYTES, limit)) {
            return true;
        }
        int second = endOfSector(at);
        if (second < at + MAX_ENTRY_HEADER_BYTES && isZero(buffer, second, second + SECTOR_BYTES)) {
            return true;
        }
        if (frame.index() != end + 1 || frame.term() < lastTerm) {
            return false; // The header is no entry's that could stand here.
        }
        if (frame.end() > limit) {
            return true;
        }
        int frameEnd = (int) frame.end();
        if (isZero(buffer, frameEnd - 1, limit)) {
            return true;
        }
        for (int from = at; from < frameEnd; from = endOfSector(from)) {
            if (isZero(buffer, from, Math.min(endOfSector(from), frameEnd))) {
                return true;
            }
        }
        return false;
    }

    private static int endOfSector(int at) {
        return (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
    }

    /** Whether there are only zeroes; what is beyond the file counts as such. */
    private boolean isZero(byte[] buffer, int from, int to) {
        for (int i = from; i < Math.min(to, fileBytes); i++) {
            if (buffer[i] != 0) {
                return false;
            }
        }
        return true;
    }

    /** The size of the file. */
    int size() throws DamagedException {
        try {
            long bytes = Files.size(path);
            if (bytes > MAX_BYTES) {
                throw new DamagedException(
                        path.getFileName() + " has " + bytes + " bytes, more than a segment can");
            }
            return (int) bytes;
        } catch (IOException e) {
            throw new DamagedException(path.getFileName() + " cannot be read: " + e);
        }
    }
}
