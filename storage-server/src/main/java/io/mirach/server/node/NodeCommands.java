package io.mirach.server.node;

import io.mirach.cli.CommandProvider;
import java.util.List;
import picocli.CommandLine.Command;

/** Adds {@code mirach node start}. */
public final class NodeCommands implements CommandProvider {
    @Command(name = "node", subcommands = NodeStartCommand.class)
    private static final class NodeGroup {}

    @Override
    public List<Object> commands() {
        return List.of(new NodeGroup());
    }
}
