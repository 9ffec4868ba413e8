package io.mirach.raft.ratis;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Cuts the entry that was being written when the process died off the end of a log. Segments are
 * filled with zeroes ahead of their entries, so such an entry is whole in length and wrong in its
 * checksum, and Ratis takes that for damage and does not start.
 *
 * <p>Only the last entry can be torn, since entries are written one after the other: behind it
 * there is nothing but zeroes. Damage with anything behind it is left for Ratis to refuse. An entry
 * that was torn had not been flushed, so this replica has acknowledged it to nobody.
 */
final class TornTail {
    private static final Logger LOG = LoggerFactory.getLogger(TornTail.class);

    // Ratis's format: a header, then per entry its length as a varint, its bytes, and the CRC32C of
    // both; then zeroes.
    private static final int HEADER_BYTES = 8;
    private static final int MAX_VARINT_BYTES = 5;
    private static final int CHECKSUM_BYTES = 4;
    // Once Ratis has read an entry of over 1 MiB, it reads 2 MiB of zeroes at once and loses its
    // place ("Resetting to invalid mark"). So many are there if it died about to write such an
    // entry.
    private static final int MAX_ZERO_BYTES = 1 << 20;

    private TornTail() {}

    /** Cuts the torn entry, if there is one, off the open segment in {@code directory}. */
    static void cut(Path directory) throws IOException {
        try (DirectoryStream<Path> open = Files.newDirectoryStream(directory, "log_inprogress_*")) {
            for (Path segment : open) {
                cutSegment(segment);
            }
        }
    }

    private static void cutSegment(Path segment) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(segment));
        if (bytes.limit() < HEADER_BYTES) {
            return; // Died before the header was written; Ratis knows that.
        }
        int end = HEADER_BYTES;
        for (int next = entryEnd(bytes, end); next > 0; next = entryEnd(bytes, end)) {
            end = next;
        }
        if (isZero(bytes, end)) {
            if (bytes.limit() - end > MAX_ZERO_BYTES) {
                truncate(segment, end);
            }
            return;
        }
        if (!isZero(bytes, claimedEnd(bytes, end))) {
            return; // Damage that is no torn entry.
        }
        LOG.warn(
                "The entry at byte {} of {} was being written when the process died; it is cut off",
                end,
                segment);
        truncate(segment, end);
    }

    private static void truncate(Path segment, int end) throws IOException {
        try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
            file.truncate(end);
            file.force(true);
        }
    }

    /**
     * @return where the entry at {@code start} ends; -1 if there is none with a right checksum
     */
    private static int entryEnd(ByteBuffer bytes, int start) {
        long end = claimedEnd(bytes, start);
        if (end <= start || end > bytes.limit()) {
            return -1;
        }
        int checksumAt = (int) end - CHECKSUM_BYTES;
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.duplicate().limit(checksumAt).position(start));
        return (int) checksum.getValue() == bytes.getInt(checksumAt) ? (int) end : -1;
    }

    /**
     * Where the entry at {@code start} says that it ends, which may be beyond the file; {@code
     * start} if there is no entry.
     */
    private static long claimedEnd(ByteBuffer bytes, int start) {
        long length = 0;
        for (int i = 0; i < MAX_VARINT_BYTES; i++) {
            if (start + i >= bytes.limit()) {
                return bytes.limit();
            }
            byte next = bytes.get(start + i);
            if (i == 0 && next == 0) {
                return start;
            }
            length |= (long) (next & 0x7f) << (7 * i);
            if (next >= 0) {
                return start + i + 1 + length + CHECKSUM_BYTES;
            }
        }
        return start; // No length at all.
    }

    private static boolean isZero(ByteBuffer bytes, long from) {
        for (long i = from; i < bytes.limit(); i++) {
            if (bytes.get((int) i) != 0) {
                return false;
            }
        }
        return true;
    }
}
