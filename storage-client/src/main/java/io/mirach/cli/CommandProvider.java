package io.mirach.cli;

import java.util.List;

/**
 * Contributes commands to {@code mirach}. Found by {@link java.util.ServiceLoader}: name the class
 * in {@code META-INF/services/io.mirach.cli.CommandProvider}.
 *
 * <p>Each element is an instance of a class with picocli's {@code @Command}. Its name places it
 * under {@code mirach}. When a command of that name exists already, the two become one group: the
 * subcommands of the new one are added below the existing one, whose own description stays. So a
 * module adds {@code mirach node start} by contributing
 *
 * <pre>{@code
 * @Command(name = "node", subcommands = NodeStartCommand.class)
 * final class NodeCommands {}
 * }</pre>
 *
 * and both {@code node ls} and {@code node start} appear. Groups merge at any depth. Two leaves of
 * the same full name are a programming error, and fail at start with IllegalStateException.
 *
 * <p>A command implements {@code Callable<Integer>} and returns one of {@link ExitCode}'s numbers.
 * It throws {@link io.mirach.protocol.MirachException} for everything a user can cause: the CLI
 * prints its code, detail and remedy, and picks the exit code. Commands print to {@code
 * spec.commandLine().getOut()} and {@code getErr()}, so that tests can read them.
 */
public interface CommandProvider {
    /** New instances at each call. */
    List<Object> commands();
}
