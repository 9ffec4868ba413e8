package io.mirach.raft.ratis.disk;

import java.io.IOException;
import java.util.zip.CRC32C;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedInputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.WireFormat;

/**
 * What the bytes at a place in a segment file claim to be. Ratis's format: the length of an entry
 * as a varint, the entry as protobuf, and the CRC32C of both.
 *
 * @param end where the frame says that it ends, which may be beyond the file
 * @param term the entry's term, as far as the header agrees with the length; else -1
 * @param index the entry's index, likewise
 * @param intact whether the checksum is right
 */
record EntryFrame(long end, long term, long index, boolean intact) {
    private static final int CHECKSUM_BYTES = 4;
    private static final int MAX_VARINT_BYTES = 5;

    /** No frame at all. */
    static final EntryFrame NONE = new EntryFrame(-1, -1, -1, false);

    static EntryFrame at(byte[] file, int start, int limit) {
        long length = 0;
        int at = start;
        while (true) {
            if (at >= limit || at - start >= MAX_VARINT_BYTES) {
                return NONE;
            }
            byte next = file[at];
            length |= (long) (next & 0x7f) << (7 * (at - start));
            at++;
            if (next >= 0) {
                break;
            }
        }
        if (length == 0 || length > Integer.MAX_VALUE) {
            return NONE;
        }
        long end = at + length + CHECKSUM_BYTES;
        long[] position = header(file, at, (int) Math.min(limit - at, length), length);
        return new EntryFrame(
                end, position[0], position[1], end <= limit && sums(file, start, end));
    }

    /** The entry of an intact frame that begins at {@code start}. */
    LogEntryProto entry(byte[] file, int start) throws IOException {
        int at = start;
        while (file[at] < 0) {
            at++;
        }
        int from = at + 1;
        return LogEntryProto.parser().parseFrom(file, from, (int) end - CHECKSUM_BYTES - from);
    }

    private static boolean sums(byte[] file, int start, long end) {
        int checksumAt = (int) end - CHECKSUM_BYTES;
        CRC32C checksum = new CRC32C();
        checksum.update(file, start, checksumAt - start);
        int stored = 0;
        for (int i = 0; i < CHECKSUM_BYTES; i++) {
            stored = stored << 8 | (file[checksumAt + i] & 0xff);
        }
        return (int) checksum.getValue() == stored;
    }

    /**
     * Term and index. An entry holds one further field, to its end, so that a wrong length shows
     * without a right checksum.
     */
    private static long[] header(byte[] file, int at, int available, long length) {
        long term = 0;
        long index = 0;
        try {
            CodedInputStream in = CodedInputStream.newInstance(file, at, available);
            while (true) {
                int tag = in.readTag();
                int field = WireFormat.getTagFieldNumber(tag);
                if (field == LogEntryProto.TERM_FIELD_NUMBER) {
                    term = in.readUInt64();
                } else if (field == LogEntryProto.INDEX_FIELD_NUMBER) {
                    index = in.readUInt64();
                } else {
                    boolean body =
                            field >= LogEntryProto.STATEMACHINELOGENTRY_FIELD_NUMBER
                                    && field <= LogEntryProto.METADATAENTRY_FIELD_NUMBER;
                    int bytes = body ? in.readRawVarint32() : -1;
                    boolean agrees = bytes >= 0 && in.getTotalBytesRead() + bytes == length;
                    return agrees ? new long[] {term, index} : new long[] {-1, -1};
                }
            }
        } catch (IOException e) {
            return new long[] {-1, -1};
        }
    }
}
