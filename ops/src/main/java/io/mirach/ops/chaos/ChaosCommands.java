package io.mirach.ops.chaos;

import io.mirach.cli.CommandProvider;
import java.util.List;

/** Contributes {@code mirach chaos}. */
public final class ChaosCommands implements CommandProvider {
    @Override
    public List<Object> commands() {
        return List.of(new ChaosCommand());
    }
}
