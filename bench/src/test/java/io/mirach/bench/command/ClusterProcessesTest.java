package io.mirach.bench.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.bench.command.ClusterProcesses.Seen;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterProcessesTest {
    @TempDir Path proc;
    @TempDir Path dev;

    @BeforeEach
    void bootedAgo() throws IOException {
        Files.writeString(proc.resolve("uptime"), "1000.50 1800.00\n");
    }

    /** As in proc(5); the name of the command may hold anything. */
    private void process(long pid, String state, long user, long system, long start, String command)
            throws IOException {
        Path folder = Files.createDirectories(proc.resolve(Long.toString(pid)));
        Files.writeString(
                folder.resolve("stat"),
                String.format(
                        "%d (a) b (c)) %s 1 2 3 4 5 6 7 8 9 10 %d %d 13 14 15 16 17 18 %d 20\n",
                        pid, state, user, system, start));
        Files.writeString(folder.resolve("cmdline"), command.replace(' ', '\0') + "\0");
    }

    private void pidFile(String name, long pid) throws IOException {
        Files.writeString(dev.resolve(name + ".pid"), pid + "\n");
    }

    @Test
    void aDevClustersProcessesAreFoundByTheirPidFiles() throws IOException {
        process(11, "S", 100, 20, 50_000, "java --config " + dev.resolve("node-1.yaml"));
        process(12, "R", 30, 4, 90_000, "java --config " + dev.resolve("gateway.yaml"));
        pidFile("node-1", 11);
        pidFile("gateway", 12);
        ClusterProcesses found = ClusterProcesses.ofDevFolder(dev, proc);
        assertThat(found.seen()).containsExactly(new Seen("gateway", 12), new Seen("node-1", 11));
        assertThat(found.cpuMicros()).hasValue((100 + 20 + 30 + 4) * 10_000);
        assertThat(found.youngestAgeSeconds()).hasValue(100);
    }

    @Test
    void aPidThatBelongsToSomethingElseIsNotCounted() throws IOException {
        process(11, "S", 100, 20, 50_000, "vi " + dev.resolve("node-2.yaml"));
        pidFile("node-1", 11);
        pidFile("node-2", 4711);
        Files.writeString(dev.resolve("node-3.pid"), "no number");
        assertThat(ClusterProcesses.ofDevFolder(dev, proc).seen()).isEmpty();
    }

    @Test
    void whatCannotBeSeenIsNotGuessed() throws IOException {
        process(11, "S", 100, 20, 50_000, "java");
        ClusterProcesses given = ClusterProcesses.ofPids(List.of(11L), proc);
        process(11, "Z", 100, 20, 50_000, "");
        assertThat(given.cpuMicros()).as("it ended meanwhile").isEmpty();
        assertThat(given.youngestAgeSeconds()).isEmpty();
        assertThat(ClusterProcesses.none(proc).cpuMicros()).isEmpty();
        assertThat(ClusterProcesses.ofDevFolder(dev.resolve("none"), proc).seen()).isEmpty();
    }

    @Test
    void aPidThatDoesNotRunIsRefused() {
        assertThatThrownBy(() -> ClusterProcesses.ofPids(List.of(11L), proc))
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
                .hasMessageContaining("11");
    }
}
