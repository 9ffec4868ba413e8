package io.mirach.ops.clients;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds the real clients that a test drives. Without them a test is skipped; in CI it fails. */
final class RealClient {
    private static final String REQUIRE = "MIRACH_REQUIRE_CLIENTS";

    private RealClient() {}

    static void require(String... tools) {
        for (String tool : tools) {
            if (!onPath(tool)) {
                missing("the client '" + tool + "' is not installed");
            }
        }
    }

    /** For a test that mounts. */
    static void requireRoot() {
        try {
            if (!Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
                missing("this is not run by root");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The version of an installed Debian cloud kernel, whose image and modules a guest boots from.
     */
    static String requireGuestKernel() {
        require("qemu-system-x86_64", "busybox", "cpio", "modprobe");
        try (Stream<Path> images = Files.list(Path.of("/boot"))) {
            Optional<String> version =
                    images.map(image -> image.getFileName().toString())
                            .filter(name -> name.startsWith("vmlinuz-") && name.contains("-cloud-"))
                            .map(name -> name.substring("vmlinuz-".length()))
                            .filter(name -> Files.isDirectory(Path.of("/lib/modules", name)))
                            .max(String::compareTo);
            if (version.isEmpty()) {
                missing("no cloud kernel in /boot (Debian package linux-image-cloud-amd64)");
            }
            return version.orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void missing(String reason) {
        if (System.getenv(REQUIRE) != null) {
            fail(reason + ", and " + REQUIRE + " is set");
        }
        abort(reason);
    }

    private static boolean onPath(String tool) {
        return Stream.concat(
                        Stream.of(System.getenv("PATH").split(":")),
                        Stream.of("/usr/sbin", "/sbin"))
                .anyMatch(dir -> Files.isExecutable(Path.of(dir, tool)));
    }
}
