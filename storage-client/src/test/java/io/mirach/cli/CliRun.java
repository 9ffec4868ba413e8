package io.mirach.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** What a command printed and how it ended. */
record CliRun(int exitCode, String out, String err) {
    static CliRun of(CliContext context, List<CommandProvider> providers, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine commandLine = MirachCli.commandLine(context, providers);
        commandLine.setOut(new PrintWriter(out));
        commandLine.setErr(new PrintWriter(err));
        int exitCode = commandLine.execute(args);
        return new CliRun(exitCode, out.toString(), err.toString());
    }

    static CliContext context(Map<String, String> environment, Path home, CliClock clock) {
        return new CliContext(environment, home, false, clock);
    }
}
