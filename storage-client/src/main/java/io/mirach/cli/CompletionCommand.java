package io.mirach.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code mirach completion}. */
@Command(
        name = "completion",
        description = "Print a script that teaches bash or zsh to complete mirach's commands.",
        footer = {"", "Example:", "  source <(mirach completion)"})
final class CompletionCommand implements Callable<Integer>, MirachCli.SeesTheTree {
    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        out.print(AutoComplete.bash("mirach", spec.root().commandLine()));
        out.print('\n');
        out.flush();
        return ExitCode.OK.number();
    }
}
