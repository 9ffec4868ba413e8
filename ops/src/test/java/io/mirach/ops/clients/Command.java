package io.mirach.ops.clients;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a command to its end, or beside the test, with its output in a file. */
final class Command {
    private final ProcessBuilder builder;
    private final Path output;

    private Command(List<String> words) {
        try {
            output = Files.createTempFile("mirach-command", ".out");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        builder =
                new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(output.toFile());
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        builder.environment().merge("PATH", "/usr/sbin:/sbin", (path, more) -> path + ":" + more);
    }

    static Command of(String... words) {
        return new Command(List.of(words));
    }

    static Command of(List<String> words) {
        return new Command(words);
    }

    Command env(String name, String value) {
        builder.environment().put(name, value);
        return this;
    }

    /** Starts it beside the test. */
    Running start() {
        try {
            return new Running(builder.start(), builder.command(), output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs it to its end, which must be a success, and returns its output. */
    String run(Duration limit) {
        Result result = start().end(limit);
        assertThat(result.exitCode())
                .as("%s%n%s", String.join(" ", builder.command()), result.output())
                .isZero();
        return result.output();
    }

    record Result(int exitCode, String output) {}

    record Running(Process process, List<String> words, Path outputFile) implements AutoCloseable {
        Result end(Duration limit) {
            try {
                if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                    close();
                    throw new AssertionError(
                            "did not end within " + limit + ": " + words + "\n" + output());
                }
                Result result = new Result(process.exitValue(), output());
                Files.deleteIfExists(outputFile);
                return result;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                close();
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted", e);
            }
        }

        String output() {
            try {
                return new String(Files.readAllBytes(outputFile), StandardCharsets.ISO_8859_1);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }
}
