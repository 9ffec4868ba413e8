package io.mirach.raft.ratis.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.StateMachineLogEntryProto;
import org.apache.ratis.server.RaftServerConfigKeys.Log.CorruptionPolicy;
import org.apache.ratis.server.raftlog.segmented.LogSegment;
import org.apache.ratis.server.raftlog.segmented.LogSegmentPath;
import org.apache.ratis.server.raftlog.segmented.SegmentedRaftLogOutputStream;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedOutputStream;
import org.apache.ratis.util.SizeInBytes;

/** Segments that Ratis wrote, and what Ratis reads. */
final class WrittenLog {
    private WrittenLog() {}

    /**
     * Writes a segment as it is while it is open: with zeroes behind its entries.
     *
     * @return where each entry ends, in bytes
     */
    static List<Integer> segment(
            Path file, long start, int entries, long term, int commandBytes, long seed)
            throws IOException {
        List<Integer> ends = new ArrayList<>();
        Random random = new Random(seed);
        try (SegmentedRaftLogOutputStream out =
                new SegmentedRaftLogOutputStream(
                        file.toFile(), false, 8 << 20, 4096, ByteBuffer.allocate(2 << 20))) {
            int end = 8;
            for (int i = 0; i < entries; i++) {
                byte[] command = new byte[commandBytes];
                random.nextBytes(command);
                LogEntryProto entry =
                        LogEntryProto.newBuilder()
                                .setTerm(term)
                                .setIndex(start + i)
                                .setStateMachineLogEntry(
                                        StateMachineLogEntryProto.newBuilder()
                                                .setLogData(ByteString.copyFrom(command)))
                                .build();
                out.write(entry);
                int size = entry.getSerializedSize();
                end += CodedOutputStream.computeUInt32SizeNoTag(size) + size + 4;
                ends.add(end);
            }
        }
        if (Files.size(file) != ends.get(entries - 1)) {
            throw new IllegalStateException("the entries end elsewhere");
        }
        return ends;
    }

    /** The number of entries that Ratis reads from all segments of a directory. */
    static int entriesReadByRatis(Path directory) throws IOException {
        int entries = 0;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "log_*")) {
            for (Path file : files) {
                LogSegmentPath segment = LogSegmentPath.matchLogSegment(file);
                if (segment != null) {
                    entries +=
                            LogSegment.readSegmentFile(
                                    file.toFile(),
                                    segment.getStartEnd(),
                                    SizeInBytes.valueOf("2MB"),
                                    CorruptionPolicy.EXCEPTION,
                                    null,
                                    entry -> {});
                }
            }
        }
        return entries;
    }
}
