package io.mirach.transfer;

import io.mirach.cli.CommandProvider;
import java.util.List;
import picocli.CommandLine.Command;

/** Contributes {@code mirach volume import} and {@code mirach volume export}. */
public final class TransferCommands implements CommandProvider {
    @Override
    public List<Object> commands() {
        return List.of(new Volume());
    }

    @Command(
            name = "volume",
            description = "Create, show and delete volumes.",
            synopsisSubcommandLabel = "COMMAND",
            subcommands = {ImportCommand.class, ExportCommand.class})
    static final class Volume {}
}
