package io.mirach.cli;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What the CLI takes from its surroundings.
 *
 * @param environment environment variables
 * @param home the user's home folder
 * @param terminal whether standard output is a terminal
 * @param input where answers to questions come from
 */
public record CliContext(
        Map<String, String> environment,
        Path home,
        boolean terminal,
        CliClock clock,
        InputStream input) {
    /** Names the nodes when {@code --endpoint} is not given. */
    public static final String ENDPOINT_VARIABLE = "MIRACH_ENDPOINT";

    public CliContext {
        environment = Map.copyOf(environment);
        Objects.requireNonNull(home, "home");
        Objects.requireNonNull(clock, "clock");
        Objects.requireNonNull(input, "input");
    }

    /** With nobody to answer questions. */
    public CliContext(
            Map<String, String> environment, Path home, boolean terminal, CliClock clock) {
        this(environment, home, terminal, clock, InputStream.nullInputStream());
    }

    /** This process's own surroundings. */
    public static CliContext ofProcess() {
        return new CliContext(
                System.getenv(),
                Path.of(System.getProperty("user.home")),
                System.console() != null && System.getenv("TERM") != null,
                CliClock.system(),
                System.in);
    }

    /** {@code ${XDG_STATE_HOME:-~/.local/state}/mirach/dev}: where {@code mirach dev} keeps all. */
    public Path devFolder() {
        String state = environment.getOrDefault("XDG_STATE_HOME", "");
        Path base = state.isEmpty() ? home.resolve(".local").resolve("state") : Path.of(state);
        return base.resolve("mirach").resolve("dev");
    }

    /** From the option, else the environment, else the dev cluster; INVALID_CONFIG without any. */
    public List<HttpEndpoint> endpoints(Optional<String> option) {
        if (option.isPresent()) {
            return HttpEndpoint.parseList(option.get());
        }
        String variable = environment.getOrDefault(ENDPOINT_VARIABLE, "").strip();
        if (!variable.isEmpty()) {
            return HttpEndpoint.parseList(variable);
        }
        Path file = devFolder().resolve("endpoint");
        if (!Files.exists(file)) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG,
                            "no endpoint is given, and no dev cluster runs in " + devFolder())
                    .withRemedy(
                            "give --endpoint HOST:PORT, set MIRACH_ENDPOINT, or start a dev"
                                    + " cluster with 'mirach dev'");
        }
        try {
            return HttpEndpoint.parseList(Files.readString(file));
        } catch (IOException e) {
            throw new MirachException(
                    ErrorCode.INVALID_CONFIG, "cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
