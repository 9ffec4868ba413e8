package io.mirach.cli;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code mirach} command. */
public final class MirachCli {
    private MirachCli() {}

    public static void main(String[] args) {
        List<CommandProvider> providers =
                ServiceLoader.load(CommandProvider.class).stream()
                        .map(ServiceLoader.Provider::get)
                        .toList();
        System.exit(commandLineFor(args, CliContext.ofProcess(), providers).execute(args));
    }

    /** The whole tree: Mirach's own commands, then those that modules contribute. */
    public static CommandLine commandLine(CliContext context, List<CommandProvider> providers) {
        return tree(context, commands(providers));
    }

    /**
     * As much of the tree as these arguments need: to read the annotations of every command takes
     * longer than to run most of them.
     */
    static CommandLine commandLineFor(
            String[] args, CliContext context, List<CommandProvider> providers) {
        List<Object> all = commands(providers);
        List<Object> named =
                all.stream().filter(c -> args.length > 0 && args[0].equals(nameOf(c))).toList();
        boolean needsAll =
                named.isEmpty() || named.stream().anyMatch(SeesTheTree.class::isInstance);
        return tree(context, needsAll ? all : named);
    }

    /** Marks a command that looks at the other commands. */
    interface SeesTheTree {}

    private static String nameOf(Object command) {
        return command.getClass().getAnnotation(Command.class).name();
    }

    private static List<Object> commands(List<CommandProvider> providers) {
        List<Object> all = new ArrayList<>(ownCommands());
        providers.forEach(provider -> all.addAll(provider.commands()));
        return all;
    }

    private static CommandLine tree(CliContext context, List<Object> below) {
        MirachCommand root = new MirachCommand(context);
        CommandLine commands = new CommandLine(root);
        for (Object command : below) {
            CommandTree.add(commands, new CommandLine(command));
        }
        commands.setUsageHelpAutoWidth(true)
                .setUsageHelpLongOptionsMaxWidth(28)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedSubcommandsAllowed(false)
                .setParameterExceptionHandler(MirachCli::reportUsage)
                .setExecutionExceptionHandler(
                        (e, commandLine, parsed) -> report(e, commandLine, root.debug));
        return commands;
    }

    private static List<Object> ownCommands() {
        return List.of(
                new StatusCommand(),
                new DfCommand(),
                new ClusterCommands(),
                new NodeCommands(),
                new CanLoseCommand(),
                new AdviseCommand(),
                new PgCommands(),
                new VolumeCommands(),
                new SnapshotCommands(),
                new AttachCommand(),
                new DetachCommand(),
                new AttachmentCommands(),
                new GatewayCommands(),
                new CompletionCommand(),
                new HelpTopicCommand());
    }

    private static int reportUsage(ParameterException e, String[] args) {
        CommandLine commandLine = e.getCommandLine();
        PrintWriter err = commandLine.getErr();
        if (e.getCause() instanceof MirachException cause) {
            // A converter's refusal says more than picocli's wrapping of it.
            return report(cause, commandLine, false);
        }
        if (args.length == 0 || isGroup(commandLine) && !hasUnknownWords(e)) {
            commandLine.usage(err);
            err.flush();
            return ExitCode.USAGE.number();
        }
        printError(
                err,
                ErrorCode.INVALID_ARGUMENT.name(),
                Objects.requireNonNullElse(e.getMessage(), "wrong usage"));
        List<String> suggestions =
                e instanceof UnmatchedArgumentException unmatched
                        ? unmatched.getSuggestions()
                        : List.of();
        String command = commandLine.getCommandSpec().qualifiedName();
        printRemedy(
                err,
                suggestions.isEmpty()
                        ? "see '" + command + " --help'"
                        : "did you mean '"
                                + suggestions.get(0)
                                + "'? See '"
                                + command
                                + " --help'");
        err.flush();
        return ExitCode.USAGE.number();
    }

    /** A command that does nothing without a subcommand. */
    private static boolean isGroup(CommandLine commandLine) {
        return !(commandLine.getCommand() instanceof Callable)
                && !(commandLine.getCommand() instanceof Runnable);
    }

    private static boolean hasUnknownWords(ParameterException e) {
        return e instanceof UnmatchedArgumentException;
    }

    private static int report(Exception e, CommandLine commandLine, boolean debug) {
        PrintWriter err = commandLine.getErr();
        commandLine.getOut().flush();
        MirachException failure = asMirachException(e);
        printError(
                err,
                failure.code().name(),
                Objects.requireNonNullElse(failure.getMessage(), "no detail"));
        printRemedy(err, Remedies.of(failure));
        if (debug) {
            e.printStackTrace(err);
        }
        err.flush();
        return e instanceof InterruptedException
                ? ExitCode.INTERRUPTED.number()
                : ExitCode.of(failure.code()).number();
    }

    private static MirachException asMirachException(Exception e) {
        if (e instanceof MirachException failure) {
            return failure;
        }
        if (e instanceof InterruptedException) {
            return new MirachException(ErrorCode.UNKNOWN_OUTCOME, "interrupted", e);
        }
        // Every expected failure has a code; this one is a defect, so its kind is named, and a
        // node's log gets the whole of it. The quiet log of a short command does not.
        LoggerFactory.getLogger(MirachCli.class).warn("unexpected failure", e);
        return new MirachException(
                ErrorCode.INTERNAL, e.getClass().getSimpleName() + ": " + e.getMessage(), e);
    }

    static void printError(PrintWriter err, String code, String detail) {
        err.println("error: " + code + ": " + detail);
    }

    static void printRemedy(PrintWriter err, String remedy) {
        if (!remedy.isEmpty()) {
            err.println("remedy: " + remedy);
        }
    }
}
