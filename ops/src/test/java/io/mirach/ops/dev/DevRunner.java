package io.mirach.ops.dev;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs the assembled {@code bin/mirach}, and other programs, as a user would. */
final class DevRunner {
    private static final int LIMIT_S = 240;

    /** What a program printed, both streams in one, and how it ended. */
    record Run(int exitCode, String output) {}

    private final Path home;
    private final Path data;
    private final int basePort;

    /**
     * @param home has bin/mirach
     */
    DevRunner(Path home, Path data) {
        this.home = home;
        this.data = data;
        this.basePort = freeBasePort();
    }

    int basePort() {
        return basePort;
    }

    Path launcher() {
        return home.resolve("bin/mirach");
    }

    /** {@code mirach dev --data DIR WORDS}. */
    Run dev(String... words) {
        return run(devCommand(words));
    }

    List<String> devCommand(String... words) {
        List<String> command =
                new ArrayList<>(List.of(launcher().toString(), "dev", "--data", data.toString()));
        command.addAll(List.of(words));
        return command;
    }

    Run run(List<String> command) {
        try {
            Path output = Files.createTempFile("mirach-run", ".txt");
            // To a file: a process that outlives the command may hold its output open.
            Process process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectInput(new File("/dev/null"))
                            .redirectOutput(output.toFile())
                            .start();
            if (!process.waitFor(LIMIT_S, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError(
                        command + " did not end; it printed:\n" + Files.readString(output));
            }
            String text = Files.readString(output, StandardCharsets.UTF_8);
            Files.delete(output);
            return new Run(process.exitValue(), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** A file of the dev cluster, without the line's end. */
    String read(String file) {
        try {
            return Files.readString(data.resolve(file)).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Every process of the cluster that has a pid file and lives. */
    List<ProcessHandle> processes() {
        try (Stream<Path> files = Files.list(data)) {
            return files.filter(f -> f.toString().endsWith(".pid"))
                    .map(f -> Long.parseLong(read(f.getFileName().toString())))
                    .flatMap(pid -> ProcessHandle.of(pid).stream())
                    .filter(DevRunner::runs)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether it still does something: a zombie, which nobody reaped yet, does not. */
    static boolean runs(ProcessHandle process) {
        try {
            return process.isAlive()
                    && Files.readAllBytes(Path.of("/proc/" + process.pid() + "/cmdline")).length
                            > 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** A port that is free, as are the nine after it. Below the ephemeral range. */
    private static int freeBasePort() {
        Random random = new Random();
        for (int attempt = 0; attempt < 200; attempt++) {
            int base = 15_000 + random.nextInt(1500) * 10;
            if (Stream.iterate(base, p -> p < base + 10, p -> p + 1).allMatch(DevRunner::isFree)) {
                return base;
            }
        }
        throw new IllegalStateException("no ten free ports in a row");
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
