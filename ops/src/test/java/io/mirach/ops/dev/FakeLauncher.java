package io.mirach.ops.dev;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** A {@code bin/mirach} that does what a test wants instead of running Mirach. */
final class FakeLauncher {
    /** Ends by SIGTERM, as nodes do. */
    static final String RUNS =
            "trap 'echo asked to end; exit 0' TERM\necho started \"$@\"\nwhile :; do sleep 0.05; done\n";

    static final String IGNORES_TERM = "trap '' TERM\necho started\nwhile :; do sleep 0.05; done\n";

    static final String FAILS = "echo 'ERROR NodeConfig: rack: no such thing' >&2\nexit 2\n";

    private FakeLauncher() {}

    /** Writes {@code home/bin/mirach}; returns its path. */
    static Path write(Path home, String script) throws IOException {
        Path launcher = Files.createDirectories(home.resolve("bin")).resolve("mirach");
        Files.writeString(launcher, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
        return launcher;
    }
}
