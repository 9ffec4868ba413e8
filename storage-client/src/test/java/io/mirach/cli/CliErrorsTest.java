package io.mirach.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.admin.FakeAdminServer;
import io.mirach.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CliErrorsTest {
    @TempDir Path home;

    private CliRun run(Map<String, String> environment, String... args) {
        return CliRun.of(CliRun.context(environment, home, new FakeClock()), List.of(), args);
    }

    @Test
    void withoutAnyEndpointItSaysHowToGiveOne() {
        CliRun run = run(Map.of(), "status");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err())
                .startsWith("error: INVALID_CONFIG: no endpoint is given")
                .contains("\nremedy: give --endpoint HOST:PORT")
                .contains("mirach dev");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void theOptionWinsOverTheEnvironmentAndThatOverTheDevCluster() throws IOException {
        Path dev = Files.createDirectories(home.resolve(".local/state/mirach/dev"));
        Files.writeString(dev.resolve("endpoint"), "dev:1,dev:2\n");
        Map<String, String> variable = Map.of("MIRACH_ENDPOINT", "variable:1");
        assertThat(run(Map.of(), "df", "--curl").out())
                .isEqualTo("curl -sS 'http://dev:1/v1/df'\n");
        assertThat(run(variable, "df", "--curl").out()).contains("http://variable:1/");
        assertThat(run(variable, "df", "--curl", "--endpoint", "option:1").out())
                .contains("http://option:1/");
    }

    @Test
    void theDevClusterIsLookedForInTheStateFolder() throws IOException {
        Path dev = Files.createDirectories(home.resolve("xdg/mirach/dev"));
        Files.writeString(dev.resolve("endpoint"), "xdg:1\n");
        assertThat(
                        run(
                                        Map.of("XDG_STATE_HOME", home.resolve("xdg").toString()),
                                        "df",
                                        "--curl")
                                .out())
                .contains("http://xdg:1/");
    }

    @Test
    void anEndpointThatNobodyServesIsUnreachable() throws IOException {
        FakeAdminServer gone = new FakeAdminServer();
        gone.close();
        CliRun run = run(Map.of(), "volume", "ls", "--endpoint", gone.endpoint().toString());
        assertThat(run.exitCode()).isEqualTo(3);
        assertThat(run.err()).startsWith("error: UNREACHABLE: no node answered: 127.0.0.1:");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "volme ls",
                "volume ls --foo",
                "volume create",
                "volume create a",
                "status -o xml",
                "status --watch=-1",
                "status --watch=soon",
                "volume create A --size 1G",
                "volume create a --size 1GB",
                "volume create a --size 4097",
                "volume create a --size 4K",
                "volume create a --size 1G --extent-size 3M",
                "volume rm",
                "volume rm a /etc/passwd",
                "attach",
                "attach ..",
                "detach a b",
                "help nonsense",
                "status --endpoint nonsense",
                "attach a --timeout x"
            })
    void wrongUsageEndsWithTwoAndNothingIsSent(String words) throws IOException {
        try (FakeAdminServer server = new FakeAdminServer()) {
            CliRun run =
                    run(Map.of("MIRACH_ENDPOINT", server.endpoint().toString()), words.split(" "));
            assertThat(run.err()).startsWith("error: INVALID_ARGUMENT: ").contains("\nremedy: ");
            assertThat(run.exitCode()).isEqualTo(2);
            assertThat(run.err()).doesNotContain("Exception", "\tat ");
            assertThat(server.calls()).isEmpty();
        }
    }

    @Test
    void aGroupWithoutSubcommandShowsItsHelp() {
        CliRun run = run(Map.of(), "volume");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).contains("Usage: mirach volume", "create", "Delete volumes");
        assertThat(run(Map.of()).err()).contains("Usage: mirach ");
    }

    @Test
    void everyErrorCodeHasAnExitCodeAndHelpListsIt() {
        CliRun help = run(Map.of(), "help", "exit-codes");
        for (ErrorCode code : ErrorCode.values()) {
            if (code != ErrorCode.OK) {
                assertThat(ExitCode.of(code)).as(code.name()).isNotEqualTo(ExitCode.OK);
                assertThat(help.out()).containsPattern(code + " +" + ExitCode.of(code).number());
            }
        }
        for (ExitCode code : ExitCode.values()) {
            assertThat(help.out()).contains(code.number() + "  " + code.meaning());
        }
    }

    @Test
    void everyCommandHasADescriptionAndEveryLeafAnExample() {
        CommandLine root =
                MirachCli.commandLine(CliRun.context(Map.of(), home, new FakeClock()), List.of());
        assertDocumented(root);
    }

    private static void assertDocumented(CommandLine command) {
        String name = command.getCommandSpec().qualifiedName();
        assertThat(command.getCommandSpec().usageMessage().description()).as(name).isNotEmpty();
        if (command.getSubcommands().isEmpty()) {
            assertThat(command.getUsageMessage())
                    .as(name)
                    .containsPattern("Examples?:\n  .*mirach");
        }
        command.getSubcommands().values().forEach(CliErrorsTest::assertDocumented);
    }
}
