package io.mirach.transfer;

import io.mirach.admin.AdminClient;
import io.mirach.admin.CreateVolumeRequest;
import io.mirach.cli.ApiOptions;
import io.mirach.cli.ByteSize;
import io.mirach.cli.CliContext;
import io.mirach.cli.ExitCode;
import io.mirach.cli.MirachCommand;
import io.mirach.cli.Progress;
import io.mirach.model.Attachment;
import io.mirach.model.Block;
import io.mirach.model.Volume;
import io.mirach.model.VolumeName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mirach volume import}. */
@Command(
        name = "import",
        description = {
            "Make a volume from the image of a disk.",
            "What is zero in it takes no space. If it fails, or is told to end, the volume is"
                    + " removed again.",
            "A format other than raw needs qemu-img, and is never guessed from what is in the file."
        },
        footer = {
            "",
            "Examples:",
            "  mirach volume import debian-12.qcow2 golden",
            "  mirach volume import disk.raw vm1 --size 40GiB",
            "  zstdcat disk.raw.zst | mirach volume import - vm1 --size 40GiB"
        })
final class ImportCommand implements Callable<Integer> {
    private static final Duration CREATE_LIMIT = Duration.ofSeconds(60);
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(20);

    @Spec CommandSpec spec;

    @Mixin ApiOptions api;

    @Parameters(index = "0", paramLabel = "FILE", description = "The image; - for standard input.")
    String file;

    @Parameters(index = "1", paramLabel = "VOLUME", description = "The name of the new volume.")
    String name;

    @Option(
            names = {"-s", "--size"},
            paramLabel = "SIZE",
            description = "Of the volume. Default: that of the disk in the file.")
    Optional<String> size = Optional.empty();

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description = "raw, qcow2, vmdk or vhdx. Default: by the file's name, else raw.")
    Optional<String> format = Optional.empty();

    @Option(
            names = "--dry-run",
            description = "Check file and cluster and say what would be done; change nothing.")
    boolean dryRun;

    @Override
    public Integer call() throws InterruptedException {
        checkName();
        try {
            return file.equals("-") ? fromInput() : fromFile(Path.of(file));
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private void checkName() {
        try {
            VolumeName.check(name);
        } catch (IllegalArgumentException e) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, e.getMessage(), e);
        }
    }

    private int fromInput() throws IOException, InterruptedException {
        if (ImageFormat.of(format, Path.of("-")) != ImageFormat.RAW) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, "standard input can only be raw")
                    .withRemedy("write it to a file first, and import that");
        }
        String given =
                size.orElseThrow(
                        () ->
                                new MirachException(
                                                ErrorCode.INVALID_ARGUMENT,
                                                "how large the volume is to be must be said with"
                                                        + " standard input")
                                        .withRemedy("give --size, for instance --size 40GiB"));
        InputStream input = MirachCommand.contextOf(spec).input();
        long sizeBytes = ByteSize.parse(given);
        return into(sizeBytes, connection -> rawFrom(input, connection, 0));
    }

    private int fromFile(Path path) throws IOException, InterruptedException {
        if (!Files.isReadable(path) || Files.isDirectory(path)) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "there is no file " + path + " to be read");
        }
        ImageFormat chosen = ImageFormat.of(format, path);
        if (chosen == ImageFormat.RAW) {
            checkLooksRaw(path);
        }
        long diskBytes =
                chosen == ImageFormat.RAW
                        ? Files.size(path)
                        : QemuImg.virtualSizeBytes(path, chosen);
        long sizeBytes = size.map(ByteSize::parse).orElseGet(() -> roundedUp(diskBytes));
        if (sizeBytes < diskBytes) {
            throw new MirachException(
                            ErrorCode.INVALID_ARGUMENT,
                            "the disk in %s has %s, more than --size %s"
                                    .formatted(
                                            path,
                                            ByteSize.format(diskBytes),
                                            ByteSize.format(sizeBytes)))
                    .withRemedy("give --size " + roundedUp(diskBytes) + ", or leave it out");
        }
        if (chosen != ImageFormat.RAW) {
            return into(
                    sizeBytes,
                    connection ->
                            QemuImg.read(path, chosen, connection.volume(), connection.loops()));
        }
        return into(
                sizeBytes,
                connection -> {
                    try (InputStream in = Files.newInputStream(path)) {
                        rawFrom(in, connection, diskBytes);
                    }
                });
    }

    /** Taken for raw, an image of another format would be a disk that no guest can read. */
    private void checkLooksRaw(Path path) throws IOException {
        if (format.isPresent()) {
            return;
        }
        try (InputStream in = Files.newInputStream(path)) {
            Optional<ImageFormat> seen = ImageFormat.seenIn(in.readNBytes(ImageFormat.MAGIC_BYTES));
            if (seen.isPresent()) {
                throw new MirachException(
                                ErrorCode.INVALID_ARGUMENT,
                                path + " looks like " + seen.get().word() + ", not raw")
                        .withRemedy(
                                "say which it is: --format "
                                        + seen.get().word()
                                        + " or --format raw");
            }
        }
    }

    private static long roundedUp(long bytes) {
        long whole = (bytes + Block.BYTES - 1) / Block.BYTES * Block.BYTES;
        return Math.max(Volume.MIN_SIZE_BYTES, whole);
    }

    private void rawFrom(InputStream in, VolumeConnection connection, long totalBytes)
            throws IOException, InterruptedException {
        CliContext context = MirachCommand.contextOf(spec);
        TransferProgress progress =
                new TransferProgress(
                        spec.commandLine().getErr(), context.clock(), "imported", totalBytes);
        RawImage.read(in, connection.volume(), progress::at);
    }

    private interface Filling {
        void fill(VolumeConnection connection) throws IOException, InterruptedException;
    }

    private int into(long sizeBytes, Filling filling) throws IOException, InterruptedException {
        CreateVolumeRequest request = request(sizeBytes);
        AdminClient admin = api.client();
        if (dryRun) {
            if (admin.volumes().stream()
                    .anyMatch(v -> v.name().equals(name) && v.state() != Volume.State.DELETING)) {
                throw new MirachException(
                        ErrorCode.VOLUME_EXISTS, "there is a volume '" + name + "' already");
            }
            spec.commandLine()
                    .getOut()
                    .printf(
                            "would create volume %s of %s and fill it; nothing is changed"
                                    + " (--dry-run)%n",
                            name, ByteSize.format(sizeBytes));
            return ExitCode.OK.number();
        }
        NewVolume volume = new NewVolume(admin, request);
        Thread removal = new Thread(volume::removeUnlessKept, "import-removal");
        Runtime.getRuntime().addShutdownHook(removal);
        try {
            volume.create();
            try (VolumeConnection connection =
                    VolumeConnection.attached(api.endpoints(), name, Attachment.Mode.READ_WRITE)) {
                filling.fill(connection);
            }
            volume.keep();
        } finally {
            volume.removeUnlessKept();
            Runtime.getRuntime().removeShutdownHook(removal);
        }
        spec.commandLine()
                .getOut()
                .println(
                        "imported "
                                + file
                                + " to volume "
                                + name
                                + ", "
                                + ByteSize.format(sizeBytes));
        return ExitCode.OK.number();
    }

    private CreateVolumeRequest request(long sizeBytes) {
        try {
            return new CreateVolumeRequest(name, sizeBytes, 0);
        } catch (IllegalArgumentException e) {
            throw new MirachException(ErrorCode.INVALID_ARGUMENT, e.getMessage(), e)
                    .withRemedy("the next larger size that fits is --size " + roundedUp(sizeBytes));
        }
    }

    /** A volume that is there only if all of it came to be. Used by the command, then by a hook. */
    private final class NewVolume {
        private final AdminClient admin;
        private final CreateVolumeRequest request;
        private boolean created;

        NewVolume(AdminClient admin, CreateVolumeRequest request) {
            this.admin = admin;
            this.request = request;
        }

        synchronized void create() throws InterruptedException {
            admin.createVolume(request);
            created = true;
            Progress progress = progress();
            Volume.State state =
                    progress.watch(
                                    () -> admin.volume(name),
                                    v -> v.state() != Volume.State.CREATING,
                                    v -> "waiting for the placement groups to know " + name,
                                    CREATE_LIMIT)
                            .state();
            if (state != Volume.State.AVAILABLE) {
                throw new MirachException(
                        ErrorCode.TIMEOUT,
                        "volume " + name + " was not ready in " + CREATE_LIMIT.toSeconds() + " s");
            }
        }

        private Progress progress() {
            return new Progress(spec.commandLine().getErr(), MirachCommand.contextOf(spec).clock());
        }

        synchronized void keep() {
            created = false;
        }

        synchronized void removeUnlessKept() {
            if (!created) {
                return;
            }
            created = false;
            try {
                progress()
                        .watch(
                                () -> admin.volume(name),
                                v -> v.attachments().isEmpty(),
                                v -> "removing the unfinished volume " + name,
                                DETACH_LIMIT);
                admin.deleteVolume(name);
            } catch (MirachException e) {
                complain(e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                complain("interrupted");
            }
        }

        private void complain(String why) {
            spec.commandLine()
                    .getErr()
                    .printf(
                            "warning: the unfinished volume %s is still there (%s); remove it:"
                                    + " mirach detach %s; mirach volume rm %s%n",
                            name, why, name, name);
        }
    }
}
