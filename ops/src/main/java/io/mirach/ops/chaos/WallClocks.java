package io.mirach.ops.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Sets the wall clocks of nodes by libfaketime, preloaded; their monotonic clocks stay right, as
 * when an operator or NTP sets the time. Stateless but for files.
 */
final class WallClocks {
    private static final List<Path> LIBRARIES =
            List.of(
                    Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
                    Path.of("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
                    Path.of("/usr/lib64/faketime/libfaketimeMT.so.1"));

    private final Optional<Path> library;
    private final String whyNot;

    private WallClocks(Optional<Path> library, String whyNot) {
        this.library = library;
        this.whyNot = whyNot;
    }

    static WallClocks none() {
        return new WallClocks(Optional.empty(), "no fault asked for it");
    }

    static WallClocks find() {
        return new WallClocks(
                LIBRARIES.stream().filter(Files::exists).findFirst(),
                "libfaketime is not installed (Debian: libfaketime)");
    }

    /** Why no clock can be set; empty if one can. */
    Optional<String> unavailable() {
        return library.isPresent() ? Optional.empty() : Optional.of(whyNot);
    }

    /** For a process whose wall clock is to obey {@code file}. */
    Map<String, String> environment(Path file) {
        if (library.isEmpty()) {
            return Map.of();
        }
        if (!Files.exists(file)) {
            set(file, 0);
        }
        return Map.of(
                "LD_PRELOAD", library.get().toString(),
                "FAKETIME_TIMESTAMP_FILE", file.toString(),
                "FAKETIME_DONT_FAKE_MONOTONIC", "1",
                "FAKETIME_DISABLE_SHM", "1",
                "FAKETIME_CACHE_DURATION", "1");
    }

    /** Has the clock differ by so much from the true one, within two seconds. */
    void set(Path file, int offsetSeconds) {
        try {
            Path fresh =
                    Files.writeString(Path.of(file + ".new"), "%+d\n".formatted(offsetSeconds));
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
