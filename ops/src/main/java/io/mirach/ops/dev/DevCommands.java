package io.mirach.ops.dev;

import io.mirach.cli.CommandProvider;
import java.util.List;

/** Contributes {@code mirach dev}. */
public final class DevCommands implements CommandProvider {
    @Override
    public List<Object> commands() {
        return List.of(new DevCommand());
    }
}
