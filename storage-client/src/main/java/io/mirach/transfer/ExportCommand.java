package io.mirach.transfer;

import io.mirach.cli.ApiOptions;
import io.mirach.cli.ByteSize;
import io.mirach.cli.CliContext;
import io.mirach.cli.ExitCode;
import io.mirach.cli.MirachCommand;
import io.mirach.client.VolumeIo;
import io.mirach.model.Attachment;
import io.mirach.model.SnapshotName;
import io.mirach.model.VolumeName;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mirach volume export}. */
@Command(
        name = "export",
        description = {
            "Write a volume, or a snapshot of one, to a file.",
            "A volume is attached read-only meanwhile, so nobody can write to it; refused with"
                    + " VOLUME_IN_USE while somebody may. A snapshot can be written at any time. A"
                    + " file of format raw has holes where nothing was written.",
            "The file has its name only when it is whole."
        },
        footer = {
            "",
            "Examples:",
            "  mirach volume export golden golden.qcow2",
            "  mirach volume export vm1@monday vm1.qcow2",
            "  mirach volume export vm1 - | zstd > vm1.raw.zst"
        })
final class ExportCommand implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Mixin ApiOptions api;

    @Parameters(
            index = "0",
            paramLabel = "VOLUME[@SNAPSHOT]",
            description = "What is to be written.")
    String name;

    @Parameters(
            index = "1",
            paramLabel = "FILE",
            description = "A new file; - for standard output.")
    String file;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description =
                    "raw, qcow2, vmdk or vhdx; all but raw by qemu-img. Default: by the file's"
                            + " name, else raw.")
    Optional<String> format = Optional.empty();

    @Option(names = "--force", description = "Replace a file that is there.")
    boolean force;

    private Optional<SnapshotName> snapshot = Optional.empty();

    @Override
    public Integer call() throws InterruptedException {
        snapshot = SnapshotName.parse(name);
        if (snapshot.isEmpty() && !VolumeName.isValid(name)) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT,
                    "'" + name + "' names neither a volume nor a snapshot");
        }
        try {
            if (file.equals("-")) {
                toOutput();
            } else {
                toFile(Path.of(file));
            }
            return ExitCode.OK.number();
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private void toOutput() throws IOException, InterruptedException {
        if (ImageFormat.of(format, Path.of("-")) != ImageFormat.RAW) {
            throw new MirachException(
                    ErrorCode.INVALID_ARGUMENT, "only raw can be written to standard output");
        }
        try (FileOutputStream out = new FileOutputStream(FileDescriptor.out);
                VolumeConnection connection = connect()) {
            copy(connection.volume(), RawImage.toStream(out.getChannel()));
        }
    }

    private VolumeConnection connect() throws InterruptedException {
        try {
            return snapshot.isPresent()
                    ? VolumeConnection.ofSnapshot(api.endpoints(), snapshot.get())
                    : VolumeConnection.attached(api.endpoints(), name, Attachment.Mode.READ_ONLY);
        } catch (MirachException e) {
            if (e.code() == ErrorCode.VOLUME_IN_USE) {
                throw new MirachException(e.code(), e.getMessage(), e)
                        .withRemedy(
                                "take a snapshot, and export that: mirach snapshot create "
                                        + name
                                        + "@NAME");
            }
            throw e;
        }
    }

    private void toFile(Path target) throws IOException, InterruptedException {
        if (Files.exists(target) && !force) {
            throw new MirachException(ErrorCode.CONFLICT, "there is a file " + target + " already")
                    .withRemedy("name another one, or replace it with --force");
        }
        ImageFormat chosen = ImageFormat.of(format, target);
        Path draft = target.resolveSibling(target.getFileName() + ".part");
        Thread removal = new Thread(() -> draft.toFile().delete(), "export-removal");
        Runtime.getRuntime().addShutdownHook(removal);
        try (VolumeConnection connection = connect()) {
            VolumeIo volume = connection.volume();
            if (chosen == ImageFormat.RAW) {
                writeRaw(volume, draft);
            } else {
                QemuImg.write(volume, draft, chosen, connection.loops());
            }
            try (FileChannel written = FileChannel.open(draft, StandardOpenOption.WRITE)) {
                written.force(true);
            }
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
            spec.commandLine()
                    .getOut()
                    .println(
                            "exported "
                                    + name
                                    + " to "
                                    + target
                                    + ", "
                                    + ByteSize.format(volume.sizeBytes()));
        } finally {
            Files.deleteIfExists(draft);
            Runtime.getRuntime().removeShutdownHook(removal);
        }
    }

    private void writeRaw(VolumeIo volume, Path draft) throws IOException, InterruptedException {
        try (FileChannel out =
                FileChannel.open(
                        draft,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            copy(volume, new SparseFile(out));
            // A hole at the end.
            if (out.size() < volume.sizeBytes()) {
                out.write(ByteBuffer.allocate(1), volume.sizeBytes() - 1);
            }
        }
    }

    private void copy(VolumeIo volume, RawImage.Sink sink)
            throws IOException, InterruptedException {
        CliContext context = MirachCommand.contextOf(spec);
        TransferProgress progress =
                new TransferProgress(
                        spec.commandLine().getErr(),
                        context.clock(),
                        "exported",
                        volume.sizeBytes());
        RawImage.write(volume, sink, progress::at);
    }

    private record SparseFile(FileChannel out) implements RawImage.Sink {
        @Override
        public void skip(long bytes) throws IOException {
            out.position(out.position() + bytes);
        }

        @Override
        public void put(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        }
    }
}
