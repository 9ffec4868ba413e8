package io.mirach.ops.chaos;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * Sets the wall clocks of nodes by a library that is preloaded into them ({@code
 * chaos/wall-clock.c}); their monotonic clocks stay right, as when an operator or NTP sets the
 * time. Needs a C compiler. Stateless but for files.
 */
final class WallClocks {
    private static final int OFFSET_BYTES = 8;

    private final Optional<Path> library;
    private final String whyNot;

    private WallClocks(Optional<Path> library, String whyNot) {
        this.library = library;
        this.whyNot = whyNot;
    }

    static WallClocks none() {
        return new WallClocks(Optional.empty(), "no fault asked for it");
    }

    /** Compiles the library into {@code folder}, if it can be compiled. */
    static WallClocks compile(Path launcher, Path folder) {
        try {
            return new WallClocks(
                    Optional.of(PreloadLibrary.compile(launcher, folder, "wall-clock")), "");
        } catch (ShellException e) {
            return new WallClocks(Optional.empty(), e.getMessage());
        }
    }

    /** Why no clock can be set; empty if one can. */
    Optional<String> unavailable() {
        return library.isPresent() ? Optional.empty() : Optional.of(whyNot);
    }

    /** For a process whose wall clock is to obey {@code file}; until {@link #set} it is right. */
    Map<String, String> environment(Path file) {
        if (library.isEmpty()) {
            return Map.of();
        }
        set(file, 0);
        return Map.of("LD_PRELOAD", library.get().toString(), "WALL_CLOCK_OFFSET", file.toString());
    }

    /** Has the clock differ by so much from the true one, at once. */
    void set(Path file, int offsetSeconds) {
        byte[] text = Integer.toString(offsetSeconds).getBytes(StandardCharsets.US_ASCII);
        // In place: the process has it mapped.
        try (RandomAccessFile to = new RandomAccessFile(file.toFile(), "rw")) {
            to.write(Arrays.copyOf(text, OFFSET_BYTES));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
