package io.mirach.ops.dev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.node.NodeConfigFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DevFolderTest {
    private static final DevSettings SETTINGS = new DevSettings(3, 12_000);

    @TempDir Path temp;

    private static MirachException failureOf(Runnable call) {
        return catchThrowableOfType(MirachException.class, call::run);
    }

    @Test
    void settingsAreKept() {
        DevFolder folder = new DevFolder(temp.resolve("a/b"));
        assertThat(folder.settings()).isEmpty();
        folder.create(SETTINGS);
        assertThat(folder.settings()).contains(SETTINGS);
    }

    @Test
    void configurationsNameEveryAddress() throws IOException {
        DevFolder folder = new DevFolder(temp);
        folder.create(SETTINGS);
        folder.writeConfigs(SETTINGS, "mirach dev", Path.of("/opt/mirach/bin/mirach"));
        assertThat(temp.resolve("node-2.yaml"))
                .content()
                .contains(
                        "name: \"node-2\"",
                        "- \"" + temp.resolve("node-2") + "\"",
                        "native-address: \"127.0.0.1:12005\"",
                        "http-address: \"127.0.0.1:12004\"",
                        "raft-address: \"127.0.0.1:12006\"",
                        "rack: \"rack-2\"",
                        "start-command: \"mirach dev node start 2\"");
        assertThat(NodeConfigFile.read(temp.resolve("node-2.yaml")).labels())
                .containsEntry(
                        "restart-command",
                        "'/opt/mirach/bin/mirach' dev --data '" + temp + "' node restart 2");
        assertThat(temp.resolve("gateway.yaml"))
                .content()
                .contains(
                        "tcp://127.0.0.1:12000",
                        "unix://" + temp + "/nbd.sock",
                        "auto-attach: true");
        assertThat(folder.endpointFile())
                .hasContent("127.0.0.1:12001,127.0.0.1:12004,127.0.0.1:12007\n");
    }

    @Test
    void aFolderWithSomebodysFilesIsRefused() throws IOException {
        Files.writeString(temp.resolve("thesis.txt"), "years of work");
        MirachException e = failureOf(() -> new DevFolder(temp).create(SETTINGS));
        assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT);
        assertThat(e).hasMessageContaining("thesis.txt");
    }

    @Test
    void clearRemovesTheClusterAndNothingElse() throws IOException {
        DevFolder folder = new DevFolder(temp);
        folder.create(SETTINGS);
        folder.writeConfigs(SETTINGS, "mirach dev", Path.of("/opt/mirach/bin/mirach"));
        Files.createDirectories(temp.resolve("node-1/raft"));
        Files.writeString(temp.resolve("node-1/raft/log"), "x");
        Files.writeString(temp.resolve("gateway.log"), "x");
        Files.writeString(temp.resolve("notes.txt"), "mine");
        folder.clear();
        assertThat(temp.toFile().list()).containsExactly("notes.txt");
    }

    @Test
    void clearLeavesAFolderAloneThatIsNoDevClusters() throws IOException {
        Files.createDirectories(temp.resolve("node-1"));
        new DevFolder(temp).clear();
        assertThat(temp.resolve("node-1")).exists();
    }

    @Test
    void aPathTooLongForASocketIsRefusedBeforeAnythingIsMade() {
        Path deep = temp.resolve("x".repeat(120));
        MirachException e = failureOf(() -> new DevFolder(deep).create(SETTINGS));
        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
        assertThat(e).hasMessageContaining("107");
        assertThat(deep).doesNotExist();
    }

    @Test
    void brokenSettingsAreNamed() throws IOException {
        Files.writeString(temp.resolve("dev.yaml"), "nodes: [");
        MirachException e = failureOf(() -> new DevFolder(temp).settings());
        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG);
        assertThat(e).hasMessageContaining("dev.yaml");
    }

    @Test
    void twoCommandsDoNotChangeOneClusterAtOnce() throws IOException {
        DevFolder folder = new DevFolder(temp);
        try (FileChannel held = folder.lock()) {
            assertThat(held.isOpen()).isTrue();
            assertThat(failureOf(folder::lock).code()).isEqualTo(ErrorCode.CONFLICT);
        }
        folder.lock().close();
    }
}
