package io.mirach.raft.ratis.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.raft.DurableFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogFilesTest {
    @TempDir Path directory;
    private Path first;
    private Path second;
    private Path open;
    private List<Integer> firstEnds;

    @BeforeEach
    void twoClosedSegmentsAndAnOpenOne() throws IOException {
        first = directory.resolve("log_0-9");
        second = directory.resolve("log_10-19");
        open = directory.resolve("log_inprogress_20");
        firstEnds = WrittenLog.segment(first, 0, 10, 1, 100, 1);
        WrittenLog.segment(second, 10, 10, 3, 100, 2);
        WrittenLog.segment(open, 20, 5, 4, 100, 3);
        Files.write(open, Arrays.copyOf(Files.readAllBytes(open), 4096));
    }

    private void assertDamaged(String what) {
        assertThatThrownBy(() -> LogFiles.verify(directory))
                .isInstanceOf(DamagedException.class)
                .hasMessageContaining(what);
    }

    @Test
    void wholeLogIsWhole() throws Exception {
        LogFiles log = LogFiles.verify(directory);
        assertThat(log.first()).isZero();
        assertThat(log.last()).isEqualTo(24);
        assertThat(log.lastTerm()).isEqualTo(4);
        log.repair();
        assertThat(WrittenLog.entriesReadByRatis(directory)).isEqualTo(25);
    }

    @Test
    void noFlippedBitOfAClosedSegmentPasses() throws Exception {
        for (Path file : List.of(first, second)) {
            byte[] whole = Files.readAllBytes(file);
            long seed = 23;
            Random random = new Random(seed);
            for (int run = 0; run < 1000; run++) {
                byte[] damaged = whole.clone();
                int at = random.nextInt(whole.length);
                damaged[at] ^= (byte) (1 << random.nextInt(8));
                Files.write(file, damaged);
                assertThatThrownBy(() -> LogFiles.verify(directory))
                        .as("seed %d, run %d, byte %d", seed, run, at)
                        .isInstanceOf(DamagedException.class);
            }
            Files.write(file, whole);
        }
    }

    @Test
    void closedSegmentThatIsCutIsDamaged() throws Exception {
        byte[] whole = Files.readAllBytes(first);
        for (int at = 0; at < whole.length; at++) {
            Files.write(first, Arrays.copyOf(whole, at));
            assertDamaged("");
        }
    }

    @Test
    void tornEntryInAClosedSegmentIsDamage() throws Exception {
        byte[] bytes = Files.readAllBytes(second);
        Arrays.fill(bytes, bytes.length - 20, bytes.length, (byte) 0);
        Files.write(second, bytes);
        assertDamaged("entry 19, at byte");
    }

    @Test
    void missingSegmentIsDamage() throws Exception {
        Files.delete(second);
        assertDamaged("entries 10 to 19 are missing before log_inprogress_20");
    }

    @Test
    void segmentUnderAnotherNameIsDamage() throws Exception {
        Files.move(first, directory.resolve("log_1-10"));
        assertDamaged("entry 0 of term 1 at byte 8, where entry 1");
    }

    @Test
    void olderTermBehindANewerOneIsDamage() throws Exception {
        WrittenLog.segment(open, 20, 5, 2, 100, 3);
        assertDamaged("entry 20 of term 2");
    }

    // ---- What kills leave ----

    @Test
    void purgedSegmentsAreNotMissed() throws Exception {
        Files.delete(first);
        LogFiles log = LogFiles.verify(directory);
        assertThat(log.first()).isEqualTo(10);
        assertThat(log.last()).isEqualTo(24);
    }

    @Test
    void killedBeforeANewSegmentWasBegun() throws Exception {
        Files.delete(open);
        assertThat(LogFiles.verify(directory).last()).isEqualTo(19);
    }

    @Test
    void segmentThatWasNotRenamedIsClosed() throws Exception {
        Files.move(second, directory.resolve("log_inprogress_10"));
        LogFiles log = LogFiles.verify(directory);
        log.repair();
        assertThat(second).exists();
        assertThat(WrittenLog.entriesReadByRatis(directory)).isEqualTo(25);
    }

    /** Ratis deletes the newest segments, cuts one, and gives it its new name. */
    @Test
    void segmentThatANewLeaderCutGetsItsName() throws Exception {
        Files.delete(open);
        Files.delete(second);
        DurableFiles.truncate(first, firstEnds.get(5));
        LogFiles log = LogFiles.verify(directory);
        assertThat(log.last()).isEqualTo(5);
        log.repair();
        assertThat(directory.resolve("log_0-5")).exists();
        assertThat(first).doesNotExist();
        assertThat(WrittenLog.entriesReadByRatis(directory)).isEqualTo(6);
    }

    @Test
    void tornFirstEntryOfASegmentIsCut() throws Exception {
        byte[] bytes = Files.readAllBytes(open);
        Arrays.fill(bytes, 70, bytes.length, (byte) 0);
        Files.write(open, bytes);
        LogFiles log = LogFiles.verify(directory);
        assertThat(log.last()).isEqualTo(19);
        log.repair();
        assertThat(WrittenLog.entriesReadByRatis(directory)).isEqualTo(20);
    }
}
