package io.mirach.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The root of all commands; holds what they share. */
@Command(
        name = "mirach",
        description = "Disks for virtual machines, replicated over your own machines.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = MirachVersion.class,
        sortOptions = false,
        footer = {
            "",
            "Start here:",
            "  mirach dev                          a whole cluster on this machine, to try",
            "  mirach volume create vm1 --size 10GiB",
            "  mirach attach vm1                   prints the NBD URI for the hypervisor",
            "  mirach status",
            "",
            "Which cluster: --endpoint HOST:PORT[,...], else MIRACH_ENDPOINT, else the dev cluster.",
            "'mirach COMMAND --help' has the options and examples; 'mirach help exit-codes' says what"
                    + " a command's exit code means."
        })
public final class MirachCommand {
    private final CliContext context;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help.")
    boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version.")
    boolean version;

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "With an error, show where in Mirach it came from.")
    boolean debug;

    MirachCommand(CliContext context) {
        this.context = context;
    }

    /** The surroundings, for a command anywhere in the tree. */
    public static CliContext contextOf(CommandSpec spec) {
        return ((MirachCommand) spec.root().userObject()).context;
    }
}
