package io.mirach.cli;

import io.mirach.admin.FakeAdminServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Commands run against a {@link FakeAdminServer}, in a time of their own. */
abstract class CliOnFakeServer {
    final FakeClock clock = new FakeClock();
    FakeAdminServer server;

    @BeforeEach
    void start() throws IOException {
        server = new FakeAdminServer();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    CliRun run(String... args) {
        return CliRun.of(
                CliRun.context(
                        Map.of("MIRACH_ENDPOINT", server.endpoint().toString()),
                        Path.of("/nonexistent"),
                        clock),
                List.of(),
                args);
    }
}
