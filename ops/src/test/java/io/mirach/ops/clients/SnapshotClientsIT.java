package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Snapshots as an administrator and qemu's tools see them. */
class SnapshotClientsIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir Path folder;

    @Test
    void snapshotsAreExportsForEveryTool() throws Exception {
        RealClient.require("qemu-img", "qemu-io", "nbdinfo");
        try (DevCluster cluster = DevCluster.start()) {
            String volume = cluster.uri("demo");
            qemuIo(volume, "write -P 1 0 1M");
            qemuIo(volume, "write -P 2 100M 64k");
            assertThat(cluster.mirach("snapshot", "create", "demo@one"))
                    .contains("took snapshot demo@one");
            qemuIo(volume, "write -P 3 0 1M");
            qemuIo(volume, "discard 100M 64k");
            assertThat(cluster.mirach("snapshot", "ls", "demo")).contains("one", "READY");

            String one = cluster.uri("demo@one");
            qemuIo(one + " -r", "read -P 1 0 1M");
            qemuIo(one + " -r", "read -P 2 100M 64k");
            qemuIo(volume + " -r", "read -P 3 0 1M");
            qemuIo(volume + " -r", "read -P 0 100M 64k");
            assertThat(Command.of("qemu-img", "map", "--output=json", one).run(LIMIT))
                    .contains("\"start\": 0, \"length\": 1048576, \"depth\": 0, \"present\": true")
                    .contains(
                            "\"start\": 104857600, \"length\": 65536, \"depth\": 0, \"present\":"
                                    + " true");
            Path copy = folder.resolve("one.qcow2");
            Command.of("qemu-img", "convert", "-O", "qcow2", one, copy.toString()).run(LIMIT);
            assertThat(Command.of("qemu-img", "compare", copy.toString(), one).run(LIMIT))
                    .contains("Images are identical");
            assertThat(Files.size(copy)).as("holes stay holes").isLessThan(8L << 20);
            assertThat(Command.of("nbdinfo", "--list", volume).run(LIMIT))
                    .contains("export=\"demo\"", "export=\"demo@one\"");
            assertThat(Command.of("nbdinfo", one).run(LIMIT)).contains("is_read_only: true");
            assertThat(Command.of("nbdinfo", cluster.uri("demo@two")).start().end(LIMIT).output())
                    .contains("No such file or directory for export: demo@two");
        }
    }

    private static void qemuIo(String target, String command) {
        String[] words = target.split(" ");
        Command run =
                words.length == 1
                        ? Command.of("qemu-io", "-f", "raw", "-c", command, words[0])
                        : Command.of("qemu-io", words[1], "-f", "raw", "-c", command, words[0]);
        assertThat(run.run(LIMIT)).doesNotContain("failed", "error");
    }
}
