package io.mirach.bench.command;

import io.mirach.cli.CommandProvider;
import java.util.List;

/** Contributes {@code mirach bench}. */
public final class BenchCommands implements CommandProvider {
    @Override
    public List<Object> commands() {
        return List.of(new BenchCommand());
    }
}
