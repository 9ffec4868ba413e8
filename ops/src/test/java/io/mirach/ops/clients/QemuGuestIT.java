package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A QEMU guest makes a file system on its disk, writes, powers off, boots again and reads the same
 * checksums.
 */
class QemuGuestIT {
    private static final Duration LIMIT = Duration.ofMinutes(4);
    private static final Pattern LAST_WORD =
            Pattern.compile("MIRACH-GUEST (wrote|read|failed)( [^\\r\\n]*)");

    @TempDir Path work;

    @Test
    void aGuestReadsAfterARebootWhatItWroteBefore() {
        GuestImage image = GuestImage.pack(work);
        try (DevCluster cluster = DevCluster.start()) {
            cluster.mirach("volume", "create", "guest", "--size", "2GiB");
            String written = boot(image, cluster.uri("guest"), "write");
            String read = boot(image, cluster.uri("guest"), "read");
            assertThat(written).startsWith("wrote ");
            assertThat(read).isEqualTo(written.replace("wrote ", "read "));
        }
    }

    private static String boot(GuestImage image, String uri, String step) {
        String output =
                Command.of(
                                image.boot(
                                        step,
                                        "-m",
                                        "256",
                                        "-nographic",
                                        "-drive",
                                        "file="
                                                + uri
                                                + ",format=raw,if=virtio,cache=none,discard=unmap"))
                        .run(LIMIT);
        Matcher matcher = LAST_WORD.matcher(output);
        assertThat(matcher.find()).as("the guest said nothing:%n%s", output).isTrue();
        return matcher.group(1) + matcher.group(2).stripTrailing();
    }
}
