package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a power cut leaves: all that was synced, over many seeds. */
class PowerLossDiskTest {
    private static final int CUTS = 20;
    private static final int PAGES = 8;
    private static final int PAGE_BYTES = 4096;

    @TempDir Path folder;
    private PowerLossDisk disk;
    private Path files;

    @BeforeEach
    void mount() {
        Path launcher = Path.of("bin", "mirach").toAbsolutePath();
        Equipment equipment = Equipment.build(launcher, folder, Set.of(Gear.POWER_LOSS));
        assumeThat(equipment.lacks(Set.of(Gear.POWER_LOSS))).isEmpty();
        files = folder.resolve("data");
        disk = equipment.powerLossDisk(files).orElseThrow();
        disk.mount();
    }

    @AfterEach
    void unmount() {
        if (disk != null) {
            disk.close();
        }
    }

    private void cut(long seed) throws InterruptedException {
        disk.cut(seed);
        disk.awaitLoss();
        disk.mount();
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    private static void fill(FileChannel file, int value) throws IOException {
        byte[] content = new byte[PAGES * PAGE_BYTES];
        Arrays.fill(content, (byte) value);
        file.write(ByteBuffer.wrap(content), 0);
    }

    @Test
    void syncedContentStaysAndUnsyncedIsLostTornOrKept() throws Exception {
        boolean lost = false;
        boolean kept = false;
        boolean torn = false;
        for (int i = 0; i < CUTS; i++) {
            Path file = files.resolve("file-" + i);
            try (FileChannel channel = open(file)) {
                fill(channel, 1);
                channel.force(false);
                fill(channel, 2);
            }
            cut(i);
            byte[] left = Files.readAllBytes(file);
            assertThat(left).hasSize(PAGES * PAGE_BYTES).doesNotContain(0);
            for (int page = 0; page < PAGES; page++) {
                String content =
                        new String(
                                left, page * PAGE_BYTES, PAGE_BYTES, StandardCharsets.ISO_8859_1);
                boolean old = content.indexOf(1) >= 0;
                boolean fresh = content.indexOf(2) >= 0;
                lost |= old && !fresh;
                kept |= fresh && !old;
                torn |= old && fresh;
            }
        }
        assertThat(lost && kept && torn).as("lost, kept and torn pages").isTrue();
    }

    @Test
    void namesAreLostInOrderUnlessAnFsyncCommittedThem() throws Exception {
        boolean lost = false;
        for (int i = 0; i < CUTS; i++) {
            Path folderOfRun = Files.createDirectory(files.resolve("run-" + i));
            Path draft = folderOfRun.resolve("draft");
            try (FileChannel channel = open(draft)) {
                fill(channel, 1);
                channel.force(true);
            }
            Files.move(draft, folderOfRun.resolve("name"));
            Files.createFile(folderOfRun.resolve("later"));
            cut(i);
            boolean renamed = Files.exists(folderOfRun.resolve("name"));
            assertThat(Files.exists(draft))
                    .as("either name, never both or none")
                    .isNotEqualTo(renamed);
            lost |= !renamed;
            if (!renamed) {
                assertThat(folderOfRun.resolve("later")).doesNotExist();
            }
        }
        assertThat(lost).as("a rename that was not synced is lost at times").isTrue();

        Path last = files.resolve("last");
        Files.createFile(last);
        try (FileChannel directory = FileChannel.open(files, StandardOpenOption.READ)) {
            directory.force(true);
        }
        cut(CUTS);
        assertThat(last).exists();
    }

    @Test
    void afterItsEndTheFilesAreOrdinaryOnes() throws Exception {
        Path file = Files.createDirectory(files.resolve("sub")).resolve("file");
        Files.writeString(file, "content");
        disk.close();
        assertThat(file).hasContent("content");
    }
}
