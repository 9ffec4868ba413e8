package io.mirach.cli;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mirach help [COMMAND...|exit-codes]}. */
@Command(
        name = "help",
        description = "Show help about a command, or about exit codes.",
        footer = {"", "Examples:", "  mirach help volume create", "  mirach help exit-codes"})
final class HelpTopicCommand implements Callable<Integer>, MirachCli.SeesTheTree {
    @Spec CommandSpec spec;

    @Parameters(
            paramLabel = "TOPIC",
            arity = "0..*",
            description = "A command's words, or 'exit-codes'.")
    List<String> topic = List.of();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (topic.equals(List.of("exit-codes"))) {
            printExitCodes(out);
            return ExitCode.OK.number();
        }
        CommandLine command = spec.root().commandLine();
        for (String word : topic) {
            CommandLine next = command.getSubcommands().get(word);
            if (next == null) {
                throw new MirachException(
                                ErrorCode.INVALID_ARGUMENT,
                                "there is no command '"
                                        + command.getCommandSpec().qualifiedName()
                                        + " "
                                        + word
                                        + "'")
                        .withRemedy(
                                "see '" + command.getCommandSpec().qualifiedName() + " --help'");
            }
            command = next;
        }
        command.usage(out);
        return ExitCode.OK.number();
    }

    private static void printExitCodes(PrintWriter out) {
        Table table = new Table(">EXIT CODE", "MEANING");
        for (ExitCode code : ExitCode.values()) {
            table.row(code.number(), code.meaning());
        }
        table.print(out, "");
        out.println();
        out.println(
                "Errors go to standard error: 'error: CODE: cause', then 'remedy: what to do'.");
        Table codes = new Table("ERROR CODE", ">EXIT CODE");
        for (ErrorCode code : ErrorCode.values()) {
            if (code != ErrorCode.OK) {
                codes.row(code, ExitCode.of(code).number());
            }
        }
        out.println();
        codes.print(out, "");
        out.flush();
    }
}
