package io.mirach.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs an NBD client that is not ours. */
public final class ClientTool {
    private static final long TIMEOUT_SECONDS = 120;

    /** How a client ended, and what it printed to both streams. */
    public record Outcome(int exitCode, String output) {
        public Outcome succeeded() {
            assertThat(exitCode).as(output).isZero();
            return this;
        }
    }

    private ClientTool() {}

    /** Skips the test, with the reason, where the program is not installed. */
    public static void require(String program) {
        boolean found =
                List.of(System.getenv("PATH").split(":")).stream()
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
        assumeTrue(found, program + " is not installed");
    }

    public static Outcome run(String... command) throws IOException, InterruptedException {
        return run(List.of(command));
    }

    public static Outcome run(List<String> command) throws IOException, InterruptedException {
        require(command.get(0));
        Path output = Files.createTempFile("client", ".out");
        try {
            Process process =
                    new ProcessBuilder(new ArrayList<>(command))
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .redirectInput(
                                    ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                            .start();
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError(
                        String.join(" ", command) + " hangs:\n" + Files.readString(output));
            }
            return new Outcome(process.exitValue(), Files.readString(output));
        } finally {
            Files.delete(output);
        }
    }
}
