package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.raft.ratis.LogRetention.Segment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogRetentionTest {
    private static final List<Segment> SEGMENTS =
            List.of(
                    new Segment(0, 9, 100),
                    new Segment(10, 19, 100),
                    new Segment(20, 29, 100),
                    new Segment(30, Long.MAX_VALUE, 50));

    @Test
    void logThatFitsStaysWhole() {
        assertThat(LogRetention.purgeIndex(SEGMENTS, 35, 350)).isEqualTo(-1);
        assertThat(LogRetention.purgeIndex(List.of(), 35, 350)).isEqualTo(-1);
    }

    @Test
    void newestSegmentsThatFitAreKept() {
        assertThat(LogRetention.purgeIndex(SEGMENTS, 35, 349)).isEqualTo(9);
        assertThat(LogRetention.purgeIndex(SEGMENTS, 35, 250)).isEqualTo(9);
        assertThat(LogRetention.purgeIndex(SEGMENTS, 35, 249)).isEqualTo(19);
    }

    @Test
    void whatIsNotDurableIsKept() {
        assertThat(LogRetention.purgeIndex(SEGMENTS, 19, 0)).isEqualTo(19);
        assertThat(LogRetention.purgeIndex(SEGMENTS, 18, 0)).isEqualTo(9);
        assertThat(LogRetention.purgeIndex(SEGMENTS, 5, 0)).isEqualTo(-1);
        assertThat(LogRetention.purgeIndex(SEGMENTS, -1, 0)).isEqualTo(-1);
    }

    @Test
    void openAndNewestClosedSegmentAlwaysStay() {
        assertThat(LogRetention.purgeIndex(SEGMENTS, 1000, 0)).isEqualTo(19);
        assertThat(LogRetention.purgeIndex(SEGMENTS.subList(2, 4), 1000, 0)).isEqualTo(-1);
    }

    @Test
    void segmentsAreFoundByNameAndOrderedByIndex(@TempDir Path directory) throws IOException {
        Files.write(directory.resolve("log_inprogress_110"), new byte[3]);
        Files.write(directory.resolve("log_100-109"), new byte[2]);
        Files.write(directory.resolve("log_9-99"), new byte[1]);
        Files.write(directory.resolve("raft-meta"), new byte[9]);
        Files.write(directory.resolve("log_9-99.corrupt"), new byte[9]);
        assertThat(LogRetention.segments(directory))
                .containsExactly(
                        new Segment(9, 99, 1),
                        new Segment(100, 109, 2),
                        new Segment(110, Long.MAX_VALUE, 3));
    }
}
