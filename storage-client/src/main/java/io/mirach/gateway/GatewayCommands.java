package io.mirach.gateway;

import io.mirach.cli.CommandProvider;
import java.util.List;

/** Contributes {@code mirach gateway start}. */
public final class GatewayCommands implements CommandProvider {
    @Override
    public List<Object> commands() {
        return List.of(new GatewayCommand());
    }
}
