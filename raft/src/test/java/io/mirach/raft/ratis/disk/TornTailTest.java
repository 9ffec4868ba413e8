package io.mirach.raft.ratis.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The end of an open segment that Ratis wrote, judged by what Ratis reads. */
class TornTailTest {
    private static final int ENTRIES = 4;
    private static final int SECTOR = 512;

    @TempDir Path directory;
    private Path segment;
    private byte[] whole;
    private List<Integer> ends;

    @BeforeEach
    void segmentOfFourEntries() throws IOException {
        write(300);
    }

    private void write(int commandBytes) throws IOException {
        segment = directory.resolve("log_inprogress_0");
        ends = WrittenLog.segment(segment, 0, ENTRIES, 1, commandBytes, 5);
        byte[] bytes = Files.readAllBytes(segment);
        whole = Arrays.copyOf(bytes, bytes.length + 2000); // As it is before it is closed.
        Files.write(segment, whole);
    }

    private long verifiedAndRepaired() throws IOException, DamagedException {
        LogFiles log = LogFiles.verify(directory);
        log.repair();
        assertThat(WrittenLog.entriesReadByRatis(directory)).isEqualTo((int) log.last() + 1);
        return log.last() + 1;
    }

    private boolean refusedByRatis() {
        try {
            WrittenLog.entriesReadByRatis(directory);
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    /** Every byte around the ends of entries and of their headers, and some between. */
    private List<Integer> places() {
        return IntStream.rangeClosed(8, ends.get(ENTRIES - 1))
                .filter(at -> at % 23 == 0 || (at - 8) % ends.get(0) < 50 || at % SECTOR < 3)
                .boxed()
                .toList();
    }

    @Test
    void tornEntryIsCutWhereverItIsTorn() throws Exception {
        boolean everRefused = false;
        for (int at : places()) {
            byte[] torn = whole.clone();
            Arrays.fill(torn, at, torn.length, (byte) 0);
            Files.write(segment, torn);
            everRefused |= refusedByRatis();
            int last = at;
            long before = ends.stream().filter(end -> end <= last).count();
            // An entry that happens to end in zeroes is whole a little earlier.
            assertThat(verifiedAndRepaired()).as("torn at %d", at).isBetween(before, before + 1);
        }
        assertThat(everRefused).as("without the cut Ratis refuses").isTrue();
    }

    @Test
    void entryThatTheFileDoesNotHoldWholeIsCut() throws Exception {
        for (int at : places()) {
            Files.write(segment, Arrays.copyOf(whole, at));
            int last = at;
            long before = ends.stream().filter(end -> end <= last).count();
            assertThat(verifiedAndRepaired()).as("ends at %d", at).isEqualTo(before);
        }
    }

    /** A power cut keeps any of the sectors that were not flushed. */
    @Test
    void whatWasNotFlushedIsCutWhicheverSectorsReachedTheDisk() throws Exception {
        long seed = 17;
        Random random = new Random(seed);
        write(3000);
        boolean everRefused = false;
        for (int run = 0; run < 150; run++) {
            int flushed = random.nextInt(ENTRIES);
            int from = flushed == 0 ? 8 : ends.get(flushed - 1);
            byte[] torn = whole.clone();
            for (int at = from; at < torn.length; at = (at / SECTOR + 1) * SECTOR) {
                if (random.nextInt(3) == 0) {
                    int end = Math.min((at / SECTOR + 1) * SECTOR, torn.length);
                    Arrays.fill(torn, at, end, (byte) 0);
                }
            }
            Files.write(segment, torn);
            everRefused |= refusedByRatis();
            assertThat(verifiedAndRepaired())
                    .as("seed %d, run %d", seed, run)
                    .isBetween((long) flushed, (long) ENTRIES);
        }
        assertThat(everRefused).as("without the cut Ratis refuses").isTrue();
    }

    @Test
    void noFlippedBitIsTakenForATornEntry() throws Exception {
        for (int bit = 0; bit < ends.get(ENTRIES - 1) * 8; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(segment, damaged);
            assertThatThrownBy(() -> LogFiles.verify(directory))
                    .as("bit %d of byte %d", bit % 8, bit / 8)
                    .isInstanceOf(DamagedException.class);
        }
    }

    @Test
    void wholeLogStaysAsItIs() throws Exception {
        assertThat(verifiedAndRepaired()).isEqualTo(ENTRIES);
        assertThat(Files.readAllBytes(segment)).isEqualTo(whole);
    }

    @Test
    void moreZeroesThanRatisReadsOverAreCut() throws Exception {
        write((1 << 20) + 100);
        int end = ends.get(ENTRIES - 1);
        Files.write(segment, Arrays.copyOf(whole, end + (2 << 20) + 1));
        assertThat(refusedByRatis()).as("without the cut Ratis refuses").isTrue();
        assertThat(verifiedAndRepaired()).isEqualTo(ENTRIES);
        assertThat(Files.size(segment)).isEqualTo(end);
    }

    @Test
    void segmentWithoutAHeaderIsLeftToRatis() throws Exception {
        for (int length = 0; length < 8; length++) {
            Files.write(segment, Arrays.copyOf(whole, length));
            assertThat(verifiedAndRepaired()).isZero();
        }
        Files.write(segment, new byte[4096]);
        assertThat(verifiedAndRepaired()).isZero();
    }
}
