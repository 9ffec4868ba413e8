package io.mirach.ops.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;

/**
 * Has disks fail by a library that is preloaded into the nodes ({@code chaos/disk-error.c}): the
 * files of Java and of RocksDB both pass it. Needs a C compiler. Stateless but for files.
 */
final class DiskErrors {
    private final Optional<Path> library;
    private final String whyNot;

    private DiskErrors(Optional<Path> library, String whyNot) {
        this.library = library;
        this.whyNot = whyNot;
    }

    static DiskErrors none() {
        return new DiskErrors(Optional.empty(), "no fault asked for it");
    }

    /**
     * Compiles the library into {@code folder}, if it can be compiled.
     *
     * @param launcher {@code bin/mirach}, beside which the source lies
     */
    static DiskErrors compile(Path launcher, Path folder) {
        try {
            return new DiskErrors(
                    Optional.of(PreloadLibrary.compile(launcher, folder, "disk-error")), "");
        } catch (ShellException e) {
            return new DiskErrors(Optional.empty(), e.getMessage());
        }
    }

    /** Why no disk can be made to fail; empty if one can. */
    Optional<String> unavailable() {
        return library.isPresent() ? Optional.empty() : Optional.of(whyNot);
    }

    /** For a process whose disk is to obey the order in {@code file}, once there is one. */
    Map<String, String> environment(Path file) {
        return library.map(
                        path ->
                                Map.of(
                                        "LD_PRELOAD",
                                        path.toString(),
                                        "DISK_ERROR_ORDER",
                                        file.toString()))
                .orElse(Map.of());
    }

    /**
     * Has calls on files below a folder fail from now on.
     *
     * @param operations some of r (read), w (write) and s (sync); or d and a number: syncs only
     *     take so many milliseconds longer
     */
    void order(Path file, String operations, Path folder) {
        try {
            // Never half an order.
            Path fresh =
                    Files.writeString(Path.of(file + ".new"), operations + " " + folder + "\n");
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Takes the order back. */
    void heal(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
