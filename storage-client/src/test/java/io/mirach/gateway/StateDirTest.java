package io.mirach.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateDirTest {
    @TempDir Path folder;

    @Test
    void theSecretIsMadeOnceAndOnlyTheOwnerReadsIt() throws IOException {
        Path stateDir = folder.resolve("a/b");
        String first;
        try (StateDir opened = StateDir.open(stateDir)) {
            first = opened.ownerSecret();
        }
        assertThat(first).matches("[0-9a-f]{64}");
        assertThat(
                        PosixFilePermissions.toString(
                                Files.getPosixFilePermissions(stateDir.resolve("owner-secret"))))
                .isEqualTo("rw-------");
        try (StateDir again = StateDir.open(stateDir)) {
            assertThat(again.ownerSecret()).isEqualTo(first);
        }
        try (StateDir other = StateDir.open(folder.resolve("other"))) {
            assertThat(other.ownerSecret()).isNotEqualTo(first);
        }
    }

    @Test
    void oneStateDirServesOneProcess() {
        try (StateDir opened = StateDir.open(folder)) {
            assertThat(opened.ownerSecret()).isNotEmpty();
            assertThatThrownBy(() -> StateDir.open(folder))
                    .isInstanceOf(MirachException.class)
                    .hasMessageContaining("another gateway runs");
        }
    }

    @Test
    void aDamagedSecretIsNotReplaced() throws IOException {
        Files.writeString(folder.resolve("owner-secret"), "");
        assertThatThrownBy(() -> StateDir.open(folder))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("does not hold an owner secret");
        assertThat(folder.resolve("owner-secret")).isEmptyFile();
    }

    @Test
    void aFolderThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> StateDir.open(file.resolve("x")))
                .isInstanceOf(MirachException.class)
                .hasMessageContaining("cannot use state-dir");
    }
}
