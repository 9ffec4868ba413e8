package io.mirach.ops.chaos;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The file system whose power can be cut ({@code chaos/power-loss.c}). Needs a C compiler, libfuse
 * 3 and the right to mount.
 */
final class PowerLossProgram {
    private final Optional<Path> program;
    private final String whyNot;

    private PowerLossProgram(Optional<Path> program, String whyNot) {
        this.program = program;
        this.whyNot = whyNot;
    }

    static PowerLossProgram none() {
        return new PowerLossProgram(Optional.empty(), "no fault asked for it");
    }

    /**
     * Compiles it into {@code folder}, if it can be compiled.
     *
     * @param launcher {@code bin/mirach}, beside which the source lies
     */
    static PowerLossProgram compile(Path launcher, Path folder) {
        Path source = launcher.resolveSibling("../chaos/power-loss.c").normalize();
        Path program = folder.resolve("power-loss");
        if (!Files.isWritable(Path.of("/dev/fuse"))) {
            return new PowerLossProgram(Optional.empty(), "/dev/fuse cannot be used");
        }
        try {
            List<String> command = new ArrayList<>(List.of("cc", "-O2", "-o", program.toString()));
            command.add(source.toString());
            command.addAll(
                    List.of(
                            Shell.run("pkg-config", "--cflags", "--libs", "fuse3")
                                    .strip()
                                    .split("\\s+", -1)));
            command.add("-lpthread");
            Shell.run(command.toArray(String[]::new));
        } catch (ShellException e) {
            return new PowerLossProgram(Optional.empty(), e.getMessage());
        }
        return new PowerLossProgram(Optional.of(program), "");
    }

    /** Why there is none; empty if there is. */
    Optional<String> unavailable() {
        return program.isPresent() ? Optional.empty() : Optional.of(whyNot);
    }

    /** A disk to be mounted at {@code dataDir}; empty if there is none. */
    Optional<PowerLossDisk> disk(Path dataDir) {
        return program.map(path -> new PowerLossDisk(path, dataDir));
    }
}
