package io.mirach.transfer;

import com.fasterxml.jackson.databind.JsonNode;
import io.mirach.client.VolumeIo;
import io.mirach.client.transport.EventLoops;
import io.mirach.nbd.ExportCatalog;
import io.mirach.nbd.ExportDescription;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdExport;
import io.mirach.nbd.NbdLimits;
import io.mirach.nbd.NbdServer;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Json;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Files of other formats than raw, by qemu-img: it talks to the volume over NBD, by a unix socket
 * that nobody else can reach.
 */
final class QemuImg {
    private static final String PROGRAM = "qemu-img";
    private static final Duration GRACE = Duration.ofSeconds(5);

    private QemuImg() {}

    /**
     * The size of the disk in an image. Refuses one that names other files of this host, since
     * whoever made it may have no right to them.
     */
    static long virtualSizeBytes(Path file, ImageFormat format) throws InterruptedException {
        String said =
                run(
                        List.of(
                                PROGRAM,
                                "info",
                                "--output=json",
                                "-f",
                                format.word(),
                                file.toString()));
        try {
            JsonNode info = Json.mapper().readTree(said);
            boolean others =
                    info.has("backing-filename")
                            || info.path("format-specific").path("data").has("data-file");
            if (others) {
                throw new MirachException(
                                ErrorCode.INVALID_ARGUMENT,
                                file + " rests on another file, which is not imported with it")
                        .withRemedy(
                                "if you trust it, make it whole first: qemu-img convert -O qcow2 "
                                        + file
                                        + " whole.qcow2");
            }
            return info.path("virtual-size").asLong();
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INTERNAL, "qemu-img told no JSON: " + said.strip(), e);
        }
    }

    /** Writes the disk in a file to a volume that reads as zeroes. */
    static void read(Path file, ImageFormat format, VolumeIo volume, EventLoops loops)
            throws IOException, InterruptedException {
        serving(
                volume,
                loops,
                uri ->
                        List.of(
                                PROGRAM,
                                "convert",
                                "-n",
                                "--target-is-zero",
                                "-W",
                                "-m",
                                "16",
                                "-f",
                                format.word(),
                                "-O",
                                "raw",
                                file.toString(),
                                uri));
    }

    /** Writes a volume to a new file. */
    static void write(VolumeIo volume, Path file, ImageFormat format, EventLoops loops)
            throws IOException, InterruptedException {
        serving(
                volume,
                loops,
                uri ->
                        List.of(
                                PROGRAM,
                                "convert",
                                "-m",
                                "16",
                                "-f",
                                "raw",
                                "-O",
                                format.word(),
                                uri,
                                file.toString()));
    }

    private interface Command {
        List<String> at(String uri);
    }

    private static void serving(VolumeIo volume, EventLoops loops, Command command)
            throws IOException, InterruptedException {
        // For the owner alone, as temporary folders are.
        Path folder = Files.createTempDirectory("mirach-transfer");
        Path socket = folder.resolve("nbd.sock");
        NbdServer server = new NbdServer(new OneVolume(volume), NbdLimits.DEFAULT, loops);
        try {
            server.listen(new NbdAddress.Unix(socket));
            run(command.at("nbd+unix:///" + volume.name() + "?socket=" + socket));
        } finally {
            server.close(GRACE).join();
            Files.deleteIfExists(socket);
            Files.delete(folder);
        }
    }

    /** What it printed. */
    private static String run(List<String> command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            try {
                process.getOutputStream().close();
                String said =
                        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                if (process.waitFor() != 0) {
                    throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT, "qemu-img failed: " + said.strip());
                }
                return said;
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG,
                            "qemu-img is needed and cannot be run: " + e.getMessage(),
                            e)
                    .withRemedy("install it (Debian: qemu-utils), or use --format raw");
        }
    }

    private record OneVolume(VolumeIo volume) implements ExportCatalog {
        private ExportDescription description() {
            return new ExportDescription(
                    volume.name(), volume.sizeBytes(), volume.readOnly(), "Mirach volume");
        }

        @Override
        public List<ExportDescription> list() {
            return List.of(description());
        }

        @Override
        public CompletableFuture<Optional<ExportDescription>> describe(String name) {
            return CompletableFuture.completedFuture(
                    Optional.of(description()).filter(one -> one.name().equals(name)));
        }

        @Override
        public CompletableFuture<NbdExport> open(String name) {
            return name.equals(volume.name())
                    ? CompletableFuture.completedFuture(
                            new NbdExport(description(), volume, left -> {}))
                    : CompletableFuture.failedFuture(
                            new MirachException(
                                    ErrorCode.NO_SUCH_VOLUME, "no export is named '" + name + "'"));
        }
    }
}
