package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogSegmentTest {
    private static final UUID GROUP = UUID.randomUUID();

    @TempDir Path folder;
    private ClusterNode node;
    private Path log;

    @BeforeEach
    void makeNode() throws IOException {
        Path launcher = Path.of("bin", "mirach").toAbsolutePath();
        node =
                new ClusterNode(
                        1,
                        new LoopbackNetwork(1, new Random(1), "not needed"),
                        Equipment.build(launcher, folder, Set.of()));
        log =
                Files.createDirectories(
                        LogSegment.raftFolder(node).resolve(GROUP.toString()).resolve("current"));
    }

    /** Entries 300 and on, of term 200, with zeroes behind. */
    private static byte[] segment(int entries, int zeroes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write("RaftLog1".getBytes(StandardCharsets.US_ASCII));
        for (int i = 0; i < entries; i++) {
            LogSegment before = new LogSegment(Path.of("x"), true, 300, 200, 299 + i, 0);
            out.write(before.nextEntry(new byte[] {5, (byte) i}));
        }
        out.write(new byte[zeroes]);
        return out.toByteArray();
    }

    @Test
    void readsWhatItWrote() throws IOException {
        byte[] content = segment(4, 100);
        Files.write(log.resolve("log_inprogress_300"), content);
        LogSegment read = LogSegment.openOne(node, GROUP).orElseThrow();
        assertThat(read.lastIndex()).isEqualTo(303);
        assertThat(read.lastTerm()).isEqualTo(200);
        assertThat(read.endBytes()).isEqualTo(content.length - 100);
    }

    @Test
    void endsBeforeADamagedEntryAndBehindTheLastOneThatIsNamed() throws IOException {
        byte[] content = segment(4, 0);
        content[content.length - 6] ^= 1;
        Files.write(log.resolve("log_inprogress_304"), content);
        Files.write(log.resolve("log_300-301"), segment(4, 0));
        assertThat(LogSegment.list(node, GROUP))
                .extracting(LogSegment::lastIndex)
                .containsExactly(301L, 302L);
    }
}
