package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An ext4 image full of a Debian package's files goes into volumes and back, by the clients that
 * people use.
 */
class FileSystemImageIT {
    private static final Duration LIMIT = Duration.ofMinutes(3);

    @TempDir static Path work;
    private static DevCluster cluster;
    private static Path image;

    @BeforeAll
    static void start() {
        RealClient.require("nbdinfo", "nbdcopy", "qemu-img", "mkfs.ext4", "e2fsck");
        image = work.resolve("fs.img");
        Path tree = work.resolve("tree");
        Command.of(
                        "sh",
                        "-c",
                        "mkdir -p \"$0\" && dpkg -L e2fsprogs coreutils | while read -r f; do"
                                + " if [ -f \"$f\" ]; then mkdir -p \"$0$(dirname \"$f\")\" && cp -L"
                                + " \"$f\" \"$0$f\"; fi; done",
                        tree.toString())
                .run(LIMIT);
        Command.of("mkfs.ext4", "-q", "-d", tree.toString(), image.toString(), "192M").run(LIMIT);
        cluster = DevCluster.start();
    }

    @AfterAll
    static void stop() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @Test
    void nbdinfoAndQemuImgDescribeTheVolume() {
        assertThat(Command.of("nbdinfo", cluster.uri("demo")).run(LIMIT))
                .contains("export-size: 10737418240")
                .contains("can_multi_conn: true");
        assertThat(Command.of("nbdinfo", "--list", cluster.tcpUri("")).run(LIMIT)).contains("demo");
        assertThat(Command.of("qemu-img", "info", cluster.tcpUri("demo")).run(LIMIT))
                .contains("10 GiB");
    }

    @Test
    void aVolumeNeverWrittenIsOneHole() {
        cluster.mirach("volume", "create", "untouched", "--size", "64GiB");
        assertThat(Command.of("nbdinfo", "--map", "--totals", cluster.uri("untouched")).run(LIMIT))
                .contains("68719476736 100.0%   3 hole,zero");
    }

    @Test
    void anImageIsImportedAndExportedEqualAndSparse() throws IOException {
        assertThat(cluster.mirach("volume", "import", image.toString(), "imported"))
                .contains("imported", "192 MiB");
        Path back = work.resolve("imported.img");
        cluster.mirach("volume", "export", "imported", back.toString());
        assertThat(image).hasSameBinaryContentAs(back);
        assertThat(blocks(back)).isLessThan(Files.size(image) / 512 * 9 / 10);
        assertRefused("CONFLICT", "volume", "export", "imported", back.toString());
        assertRefused("VOLUME_EXISTS", "volume", "import", image.toString(), "imported");
    }

    private static long blocks(Path file) {
        return Long.parseLong(Command.of("stat", "-c", "%b", file.toString()).run(LIMIT).strip());
    }

    private static void assertRefused(String code, String... words) {
        Command.Result result = cluster.command(words).start().end(LIMIT);
        assertThat(result.exitCode()).as(result.output()).isNotZero();
        assertThat(result.output()).contains("error: " + code).doesNotContain("\tat ");
    }

    @Test
    void anImageOfAnotherFormatIsImportedAndExportedByQemuImg() {
        Path qcow2 = work.resolve("fs.qcow2");
        Command.of("qemu-img", "convert", "-O", "qcow2", image.toString(), qcow2.toString())
                .run(LIMIT);
        cluster.mirach("volume", "import", qcow2.toString(), "golden", "--size", "256MiB");
        Path back = work.resolve("golden.qcow2");
        cluster.mirach("volume", "export", "golden", back.toString());
        // The longer one is zero behind the end of the shorter.
        assertThat(Command.of("qemu-img", "compare", image.toString(), back.toString()).run(LIMIT))
                .contains("Images are identical");

        Path disguised = work.resolve("disguised.img");
        Command.of("cp", qcow2.toString(), disguised.toString()).run(LIMIT);
        assertRefused("INVALID_ARGUMENT", "volume", "import", disguised.toString(), "disguised");
        Path overlay = work.resolve("overlay.qcow2");
        Command.of(
                        "qemu-img",
                        "create",
                        "-q",
                        "-f",
                        "qcow2",
                        "-F",
                        "raw",
                        "-b",
                        "/etc/passwd",
                        overlay.toString())
                .run(LIMIT);
        assertRefused("INVALID_ARGUMENT", "volume", "import", overlay.toString(), "overlay");
    }

    @Test
    void streamsAreImportedAndExported() {
        String mirach = DevCluster.projectDir().resolve("ops/bin/mirach").toString();
        Command.of(
                        "sh",
                        "-c",
                        "cat \"$1\" | \"$0\" volume import - piped --size 192MiB"
                                + " && \"$0\" volume export piped - | cmp - \"$1\"",
                        mirach,
                        image.toString())
                .env("MIRACH_ENDPOINT", cluster.endpoints())
                .run(LIMIT);
        // What does not fit leaves no volume behind.
        Command.Result tooLarge =
                Command.of(
                                "sh",
                                "-c",
                                "cat \"$1\" | \"$0\" volume import - small --size 64MiB",
                                mirach,
                                image.toString())
                        .env("MIRACH_ENDPOINT", cluster.endpoints())
                        .start()
                        .end(LIMIT);
        assertThat(tooLarge.output()).contains("error: OUT_OF_RANGE");
        assertThat(cluster.mirach("volume", "ls")).doesNotContain("small").contains("piped");
    }

    @Test
    void anImageCopiedInByNbdcopyComesBackEqualAndSparse() throws IOException {
        String size = Long.toString(Files.size(image));
        cluster.mirach("volume", "create", "copied", "--size", size);
        Command.of("nbdcopy", image.toString(), cluster.uri("copied")).run(LIMIT);

        Path back = work.resolve("copied.img");
        Command.of("nbdcopy", cluster.uri("copied"), back.toString()).run(LIMIT);
        assertThat(image).hasSameBinaryContentAs(back);
        Command.of("e2fsck", "-fn", back.toString()).run(LIMIT);
        assertThat(Command.of("nbdinfo", "--map", cluster.tcpUri("copied")).run(LIMIT))
                .contains("hole,zero")
                .contains("data");
    }

    @Test
    void anImageConvertedInByQemuImgComesBackEqualAndItsHolesAreHoles() throws IOException {
        String size = Long.toString(Files.size(image));
        cluster.mirach("volume", "create", "converted", "--size", size);
        String uri = cluster.uri("converted");
        Command.of("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image.toString(), uri)
                .run(LIMIT);

        Path back = work.resolve("converted.img");
        Command.of("qemu-img", "convert", "-f", "raw", "-O", "raw", uri, back.toString())
                .run(LIMIT);
        assertThat(image).hasSameBinaryContentAs(back);
        assertThat(Command.of("qemu-img", "compare", "-f", "raw", image.toString(), uri).run(LIMIT))
                .contains("Images are identical");
        // What was never written takes no space: no more is allocated than the image has data.
        String du = Command.of("du", "--block-size=1", image.toString()).run(LIMIT);
        long stored = Long.parseLong(du.split("\\s+")[0]);
        assertThat(allocatedBytes(uri)).isPositive().isLessThanOrEqualTo(stored);
    }

    private static long allocatedBytes(String uri) {
        return Command.of("nbdinfo", "--map", "--totals", uri)
                .run(LIMIT)
                .lines()
                .map(String::strip)
                .filter(line -> line.endsWith("data"))
                .mapToLong(line -> Long.parseLong(line.split("\\s+")[0]))
                .sum();
    }
}
