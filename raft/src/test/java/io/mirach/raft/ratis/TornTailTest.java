package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On segments that Ratis wrote, judged by what Ratis reads. */
class TornTailTest {
    private static final int ENTRIES = 4;
    private static final int COMMAND_BYTES = 300;

    @TempDir Path directory;
    private Path segment;
    private byte[] whole;
    private final List<Integer> ends = new ArrayList<>(); // Of each entry, in bytes of the file.

    @BeforeEach
    void segmentOfFourEntries() throws IOException {
        segment = directory.resolve("log_inprogress_0");
        writeSegment(ENTRIES, COMMAND_BYTES);
    }

    private void writeSegment(int entries, int commandBytes) throws IOException {
        ends.clear();
        Random random = new Random(5);
        try (SegmentedRaftLogOutputStream out =
                new SegmentedRaftLogOutputStream(
                        segment.toFile(), false, 8 << 20, 4096, ByteBuffer.allocate(2 << 20))) {
            int end = 8;
            for (int i = 0; i < entries; i++) {
                byte[] command = new byte[commandBytes];
                random.nextBytes(command);
                LogEntryProto entry =
                        LogEntryProto.newBuilder()
                                .setTerm(1)
                                .setIndex(i)
                                .setStateMachineLogEntry(
                                        StateMachineLogEntryProto.newBuilder()
                                                .setLogData(ByteString.copyFrom(command)))
                                .build();
                out.write(entry);
                end +=
                        CodedOutputStream.computeUInt32SizeNoTag(entry.getSerializedSize())
                                + entry.getSerializedSize()
                                + 4;
                ends.add(end);
            }
        }
        byte[] bytes = Files.readAllBytes(segment);
        assertThat(bytes).hasSize(ends.get(entries - 1));
        whole = Arrays.copyOf(bytes, bytes.length + 2000); // As it is before it is closed.
    }

    private int entriesReadByRatis() throws IOException {
        return LogSegment.readSegmentFile(
                segment.toFile(),
                LogSegmentPath.matchLogSegment(segment).getStartEnd(),
                SizeInBytes.valueOf("2MB"),
                CorruptionPolicy.EXCEPTION,
                null,
                entry -> {});
    }

    private boolean refusedByRatis() {
        try {
            entriesReadByRatis();
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    private void writeTornAt(int at) throws IOException {
        byte[] torn = whole.clone();
        Arrays.fill(torn, at, torn.length, (byte) 0);
        Files.write(segment, torn);
    }

    @Test
    void tornEntryIsCutWhereverItIsTorn() throws IOException {
        boolean everRefused = false;
        for (int at = 8; at <= ends.get(ENTRIES - 1); at++) {
            writeTornAt(at);
            everRefused |= refusedByRatis();
            TornTail.cut(directory);
            int last = at;
            long before = ends.stream().filter(end -> end <= last).count();
            // An entry that happens to end in zeroes is whole a little earlier.
            assertThat((long) entriesReadByRatis())
                    .as("torn at %d", at)
                    .isBetween(before, before + 1);
        }
        assertThat(everRefused).as("without the cut Ratis refuses").isTrue();
    }

    @Test
    void wholeLogStaysAsItIs() throws IOException {
        Files.write(segment, whole);
        TornTail.cut(directory);
        assertThat(Files.readAllBytes(segment)).isEqualTo(whole);
        assertThat(entriesReadByRatis()).isEqualTo(ENTRIES);
    }

    @Test
    void moreZeroesThanRatisReadsOverAreCut() throws IOException {
        Files.delete(segment);
        writeSegment(2, 1 << 20);
        int end = ends.get(1);
        Files.write(segment, Arrays.copyOf(whole, end + (2 << 20) + 1));
        assertThat(refusedByRatis()).as("without the cut Ratis refuses").isTrue();
        TornTail.cut(directory);
        assertThat(Files.size(segment)).isEqualTo(end);
        assertThat(entriesReadByRatis()).isEqualTo(2);
    }

    @Test
    void damageBeforeOtherEntriesIsNotCut() throws IOException {
        for (int entry = 0; entry < ENTRIES - 1; entry++) {
            byte[] damaged = whole.clone();
            damaged[ends.get(entry) - 100] ^= 1;
            Files.write(segment, damaged);
            TornTail.cut(directory);
            assertThat(Files.readAllBytes(segment)).isEqualTo(damaged);
            assertThat(refusedByRatis()).isTrue();
        }
    }

    @Test
    void closedSegmentsAreLeftAlone() throws IOException {
        byte[] damaged = whole.clone();
        damaged[ends.get(ENTRIES - 1) - 100] ^= 1;
        Files.delete(segment);
        Path closed = directory.resolve("log_0-3");
        Files.write(closed, damaged);
        TornTail.cut(directory);
        assertThat(Files.readAllBytes(closed)).isEqualTo(damaged);
    }

    @Test
    void segmentWithoutAHeaderIsLeftToRatis() throws IOException {
        for (int length = 0; length < 8; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            Files.write(segment, cut);
            TornTail.cut(directory);
            assertThat(Files.readAllBytes(segment)).isEqualTo(cut);
        }
        Files.write(segment, new byte[4096]);
        TornTail.cut(directory);
        assertThat(entriesReadByRatis()).isZero();
    }
}
