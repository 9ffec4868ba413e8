package io.mirach.server.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeDirTest {
    private static final DirIdentity IDENTITY =
            new DirIdentity(1, new UUID(1, 1), new UUID(1, 2), "node-1", new UUID(1, 3), List.of());

    @TempDir Path folder;

    private void assertRefused(String node, ErrorCode code, String named) {
        assertThatThrownBy(() -> NodeDir.open(folder, node).close())
                .isInstanceOfSatisfying(
                        MirachException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(named);
    }

    @Test
    void identitySurvives() {
        try (NodeDir dir = NodeDir.open(folder, "node-1")) {
            assertThat(dir.identity()).isEmpty();
            dir.initialise(IDENTITY);
        }
        try (NodeDir dir = NodeDir.open(folder, "node-1")) {
            assertThat(dir.identity()).contains(IDENTITY);
        }
    }

    @Test
    void aDirIsOpenOnce() {
        try (NodeDir dir = NodeDir.open(folder, "node-1")) {
            assertThat(dir.path()).isEqualTo(folder);
            assertRefused("node-1", ErrorCode.CONFLICT, "in use");
        }
    }

    @Test
    void aDirOfAnotherNodeIsRefused() {
        try (NodeDir dir = NodeDir.open(folder, "node-1")) {
            dir.initialise(IDENTITY);
        }
        assertRefused("node-2", ErrorCode.CONFLICT, "node-1");
    }

    @Test
    void dataWithoutIdentityIsNotTakenForANewDir() throws IOException {
        Files.createDirectories(folder.resolve("store"));
        Files.writeString(folder.resolve("store/CURRENT"), "x");
        assertRefused("node-1", ErrorCode.CONFLICT, "holds data");
    }

    @Test
    void aDamagedOrNewerIdentityIsRefused() throws IOException {
        Files.writeString(folder.resolve("mirach-dir.json"), "{\"format\":");
        assertRefused("node-1", ErrorCode.INVALID_CONFIG, "damaged");
        Files.writeString(folder.resolve("mirach-dir.json"), "{\"format\":2}");
        assertRefused("node-1", ErrorCode.UNSUPPORTED_VERSION, "format 2");
    }
}
