package io.mirach.ops.chaos;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs short commands of the operating system. Blocks; thread-safe. */
final class Shell {
    private static final int LIMIT_SECONDS = 30;

    private Shell() {}

    /**
     * How a command ended.
     *
     * @param output what it printed, errors too
     */
    record Outcome(int exitCode, String output) {}

    /** What it printed. Fails with {@link ShellException} unless it ended with 0. */
    static String run(String... command) {
        Outcome outcome = tryFor(command);
        if (outcome.exitCode() != 0) {
            throw new ShellException(
                    "'" + String.join(" ", command) + "' failed: " + outcome.output().strip(),
                    null);
        }
        return outcome.output();
    }

    /** Fails with {@link ShellException} only if it could not be run. */
    static Outcome tryFor(String... command) {
        String line = String.join(" ", command);
        try {
            Process process =
                    new ProcessBuilder(List.of(command))
                            .redirectErrorStream(true)
                            .redirectInput(new File("/dev/null"))
                            .start();
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new ShellException("'" + line + "' did not end in time", null);
            }
            return new Outcome(process.exitValue(), output);
        } catch (IOException e) {
            throw new ShellException("'" + line + "' could not be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ShellException("'" + line + "' was interrupted", e);
        }
    }

    /** For cleaning up: what is gone already is no failure. */
    static void tryRun(String... command) {
        try {
            run(command);
        } catch (ShellException e) {
            // It was not there.
        }
    }
}
