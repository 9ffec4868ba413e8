package io.mirach.raft.ratis;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides how far back a log is kept, from the segment files on disk, which are what Ratis can
 * purge. All replicas keep up to the same number of bytes, whether or not a follower lags now: it
 * may be away, and the one that will lead next must be able to help it.
 */
final class LogRetention {
    private static final Logger LOG = LoggerFactory.getLogger(LogRetention.class);
    private static final Pattern CLOSED = Pattern.compile("log_(\\d+)-(\\d+)");
    private static final Pattern OPEN = Pattern.compile("log_inprogress_(\\d+)");

    /**
     * A segment file.
     *
     * @param endIndex its last index; {@link Long#MAX_VALUE} while it is written
     */
    record Segment(long startIndex, long endIndex, long bytes) {}

    private LogRetention() {}

    /** The segments in {@code directory}, oldest first. */
    static List<Segment> segments(Path directory) throws IOException {
        List<Segment> segments = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "log_*")) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                Matcher closed = CLOSED.matcher(name);
                Matcher open = OPEN.matcher(name);
                try {
                    if (closed.matches()) {
                        segments.add(
                                new Segment(
                                        Long.parseLong(closed.group(1)),
                                        Long.parseLong(closed.group(2)),
                                        Files.size(file)));
                    } else if (open.matches()) {
                        segments.add(
                                new Segment(
                                        Long.parseLong(open.group(1)),
                                        Long.MAX_VALUE,
                                        Files.size(file)));
                    }
                } catch (NoSuchFileException e) {
                    LOG.debug("{} was purged or rolled meanwhile", file);
                }
            }
        }
        segments.sort(Comparator.comparingLong(Segment::startIndex));
        return segments;
    }

    /**
     * The index up to which the log may go.
     *
     * @param durableIndex replay begins behind it, so nothing later may go
     * @param retentionBytes what is kept, newest first
     * @return -1 if all must stay
     */
    static long purgeIndex(List<Segment> segments, long durableIndex, long retentionBytes) {
        long kept = 0;
        boolean newestClosed = true;
        for (int i = segments.size() - 1; i >= 0; i--) {
            Segment segment = segments.get(i);
            kept += segment.bytes;
            if (segment.endIndex == Long.MAX_VALUE) {
                continue;
            }
            // The newest closed segment stays whatever its size: the open one may be empty, and a
            // log without any entry could not be told from a lost one.
            if (kept > retentionBytes && !newestClosed) {
                return newestDurableEnd(segments.subList(0, i + 1), durableIndex);
            }
            newestClosed = false;
        }
        return -1;
    }

    private static long newestDurableEnd(List<Segment> segments, long durableIndex) {
        for (int i = segments.size() - 1; i >= 0; i--) {
            if (segments.get(i).endIndex <= durableIndex) {
                return segments.get(i).endIndex;
            }
        }
        return -1;
    }
}
