package io.mirach.cli;

import java.util.LinkedHashSet;
import picocli.CommandLine;

/** Puts commands of several modules into one tree, as {@link CommandProvider} describes. */
final class CommandTree {
    private CommandTree() {}

    /** Adds {@code child} below {@code parent}, or its subcommands to the one of the same name. */
    static void add(CommandLine parent, CommandLine child) {
        String name = child.getCommandName();
        CommandLine existing = parent.getSubcommands().get(name);
        if (existing == null) {
            parent.addSubcommand(name, child);
            return;
        }
        if (child.getSubcommands().isEmpty()) {
            throw new IllegalStateException(
                    "two commands are named '"
                            + existing.getCommandSpec().qualifiedName()
                            + "': "
                            + existing.getCommandSpec().userObject().getClass().getName()
                            + " and "
                            + child.getCommandSpec().userObject().getClass().getName());
        }
        // A command with aliases stands in the map once for each of them.
        for (CommandLine grandchild : new LinkedHashSet<>(child.getSubcommands().values())) {
            add(existing, grandchild);
        }
    }
}
