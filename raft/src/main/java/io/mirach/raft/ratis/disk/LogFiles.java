package io.mirach.raft.ratis.disk;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All segment files of one Raft log, verified: whole entries, one after the other, within and
 * across files. What a kill leaves is not damage: entries that were being written ({@link
 * SegmentFile}), a segment just begun, no open segment between two, and a segment that a new leader
 * cut at an entry, whose name still is the old one. Ratis deletes whole segments in an order that
 * leaves no gap.
 */
final class LogFiles {
    private static final Logger LOG = LoggerFactory.getLogger(LogFiles.class);

    private final List<SegmentFile> segments;
    // Begun, with no whole entry. Ratis deletes them.
    private final List<SegmentFile> begun;

    private LogFiles(List<SegmentFile> segments, List<SegmentFile> begun) {
        this.segments = segments;
        this.begun = begun;
    }

    /** Reads them all; blocks. One segment at a time is in memory. */
    static LogFiles verify(Path current) throws IOException, DamagedException {
        List<SegmentFile> found = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(current, "log_*")) {
            for (Path file : files) {
                SegmentFile segment = SegmentFile.named(file);
                if (segment == null) {
                    throw new DamagedException(file.getFileName() + " is no name of a segment");
                }
                found.add(segment);
            }
        }
        found.sort(
                Comparator.comparingLong(SegmentFile::start)
                        .thenComparing(segment -> !segment.isOpen()));
        byte[] buffer = new byte[0];
        List<SegmentFile> segments = new ArrayList<>();
        List<SegmentFile> begun = new ArrayList<>();
        SegmentFile before = null;
        for (SegmentFile segment : found) {
            int bytes = segment.size();
            if (bytes > buffer.length) {
                buffer = new byte[bytes];
            }
            segment.verify(buffer, before == null ? 0 : before.lastTerm());
            if (segment.isEmpty() && segment.isOpen()) {
                begun.add(segment);
                continue;
            }
            adjoins(before, segment);
            segments.add(segment);
            before = segment;
        }
        return new LogFiles(segments, begun);
    }

    private static void adjoins(SegmentFile before, SegmentFile segment) throws DamagedException {
        if (segment.isEmpty()) {
            throw new DamagedException(segment.path().getFileName() + " has no entries");
        }
        if (before != null && before.end() + 1 != segment.start()) {
            throw new DamagedException(
                    "entries "
                            + (before.end() + 1)
                            + " to "
                            + (segment.start() - 1)
                            + " are missing before "
                            + segment.path().getFileName());
        }
        if (before != null && before.isTorn()) {
            throw new DamagedException(
                    "entry " + segment.start() + " is torn in " + before.path().getFileName());
        }
    }

    boolean isEmpty() {
        return segments.isEmpty();
    }

    /** The first index; 0 if there is no entry. */
    long first() {
        return isEmpty() ? 0 : segments.get(0).start();
    }

    /** The last index; -1 if there is no entry. */
    long last() {
        return isEmpty() ? -1 : newest().end();
    }

    long lastTerm() {
        return isEmpty() ? 0 : newest().lastTerm();
    }

    private SegmentFile newest() {
        return segments.get(segments.size() - 1);
    }

    /** The files that hold entries, in order. */
    List<SegmentFile> segments() {
        return List.copyOf(segments);
    }

    /** Finishes what was cut off, so that Ratis can read it. */
    void repair() throws IOException {
        for (SegmentFile segment : begun) {
            cutTail(segment);
        }
        for (SegmentFile segment : segments) {
            cutTail(segment);
            if (segment.endsEarly() || (segment.isOpen() && segment != newest())) {
                DurableFiles.rename(segment.path(), segment.closedPath());
            }
        }
    }

    /** Deletes all entries, the oldest first: what a kill leaves has no gap. */
    void delete() throws IOException {
        for (List<SegmentFile> each : List.of(begun, segments)) {
            for (SegmentFile segment : each) {
                LOG.info("{} ends before the state that was imported: deleted", segment.path());
                Files.delete(segment.path());
                DurableFiles.sync(segment.path().getParent());
            }
        }
    }

    private static void cutTail(SegmentFile segment) throws IOException {
        if (segment.hasLongTail()) {
            DurableFiles.truncate(segment.path(), segment.goodBytes());
        } else if (segment.isTorn()) {
            LOG.warn(
                    "What begins at byte {} of {} was being written at the end of an earlier run;"
                            + " it is cut off",
                    segment.goodBytes(),
                    segment.path());
            DurableFiles.truncate(segment.path(), segment.goodBytes());
        }
    }
}
