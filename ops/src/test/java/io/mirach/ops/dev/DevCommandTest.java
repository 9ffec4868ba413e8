package io.mirach.ops.dev;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.cli.CliClock;
import io.mirach.cli.CliContext;
import io.mirach.cli.MirachCli;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

@EnabledOnOs(OS.LINUX)
class DevCommandTest {
    private record Run(int exitCode, String out, String err) {}

    @TempDir Path temp;
    private Path data;

    @BeforeEach
    void setUp() throws IOException {
        data = temp.resolve("dev");
        FakeLauncher.write(temp, FakeLauncher.RUNS);
        System.setProperty("mirach.home", temp.toString());
    }

    @AfterEach
    void tearDown() {
        System.clearProperty("mirach.home");
    }

    private Run run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CliContext context =
                new CliContext(
                        Map.of("XDG_STATE_HOME", temp.toString()), temp, false, CliClock.system());
        CommandLine commandLine = MirachCli.commandLine(context, List.of(new DevCommands()));
        commandLine.setOut(new PrintWriter(out));
        commandLine.setErr(new PrintWriter(err));
        int exitCode = commandLine.execute(args);
        return new Run(exitCode, out.toString(), err.toString());
    }

    private static int freeBasePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            // Ports after it may be taken; what the tests look at comes before that matters.
            return Math.min(socket.getLocalPort(), 65_000);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--nodes 2", "--nodes x", "--base-port 65535", "--size 10GB", "--size 1K",
                "--volume Demo", "--foo", "node kill", "node kill x", "node explode 1"
            })
    void wrongUsageIsToldAndLeavesNothing(String words) {
        Run run = run(("dev --data " + data + " " + words).split(" "));
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).startsWith("error: INVALID_ARGUMENT: ").contains("\nremedy: ");
        assertThat(data).doesNotExist();
    }

    @Test
    void aPortThatIsTakenIsNamed() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = taken.getLocalPort();
            Run run = run("dev", "--data", data.toString(), "--base-port", "" + (port - 1));
            // The port before it may be taken too, by chance: then that one is named.
            assertThat(run.exitCode()).isEqualTo(4);
            assertThat(run.err())
                    .containsPattern("error: CONFLICT: port (" + port + "|" + (port - 1) + ") on")
                    .contains("--base-port N");
            assertThat(data.resolve("node-1.pid")).doesNotExist();
        }
    }

    @Test
    void aNodeThatEndsIsReportedWithItsLastWordsAndNothingIsLeftRunning() throws IOException {
        FakeLauncher.write(temp, FakeLauncher.FAILS);
        Run run =
                run(
                        "dev",
                        "--data",
                        data.toString(),
                        "--detach",
                        "--base-port",
                        "" + freeBasePort());
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err())
                .containsPattern("error: INTERNAL: node-\\d ended with exit code 2; the last lines")
                .contains("  ERROR NodeConfig: rack: no such thing")
                .contains("remedy: read " + data.resolve("node-"));
        assertThat(data.resolve("node-1.pid")).doesNotExist();
        assertThat(data.resolve("endpoint")).doesNotExist();
    }

    @Test
    void nodesAndPortsAreFixedOnceMade() {
        new DevFolder(data).create(new DevSettings(3, 12_000));
        Run run = run("dev", "--data", data.toString(), "--nodes", "5");
        assertThat(run.exitCode()).isEqualTo(4);
        assertThat(run.err()).contains("--nodes 3 --base-port 12000, which are fixed", "--reset");
    }

    @Test
    void aClusterOfWhichAPartRunsIsReportedWithWhatToDo() throws Exception {
        DevFolder folder = new DevFolder(data);
        folder.create(new DevSettings(3, 12_000));
        DevProcess node2 =
                new DevProcess(
                        temp.resolve("bin/mirach"),
                        data,
                        "node-2",
                        List.of("node", "start"),
                        CliClock.system());
        long pid = node2.start().pid();
        try {
            Run run = run("dev", "--data", data.toString());
            assertThat(run.exitCode()).isEqualTo(4);
            assertThat(run.out())
                    .contains(
                            "running already, in " + data,
                            "node-1  DOWN\n",
                            "node-2  pid " + pid + "\n",
                            "next: mirach dev --data " + data + " node start 1\n");
            assertThat(run("dev", "--data", data.toString(), "node", "start", "2").err())
                    .contains("CONFLICT: node-2 runs already, pid " + pid);
            assertThat(run("dev", "node", "kill", "2", "--data", data.toString()).out())
                    .isEqualTo("killed node-2, pid " + pid + "\n");
            assertThat(run("dev", "--data", data.toString(), "node", "kill", "2").err())
                    .contains("CONFLICT: node-2 does not run");
        } finally {
            node2.kill();
        }
    }

    @Test
    void stopStopsWhatRunsAndSaysWhereTheDataIs() throws Exception {
        DevFolder folder = new DevFolder(data);
        folder.create(new DevSettings(3, 12_000));
        DevProcess gateway =
                new DevProcess(
                        temp.resolve("bin/mirach"),
                        data,
                        "gateway",
                        List.of("gateway", "start"),
                        CliClock.system());
        Process child = gateway.start();
        Run run = run("dev", "--data", data.toString(), "--stop");
        assertThat(run)
                .isEqualTo(
                        new Run(
                                0,
                                "stopped; the data is kept in " + data + "\n",
                                "stopping the gateway\n"));
        assertThat(child.isAlive()).isFalse();
        assertThat(run("dev", "--data", data.toString(), "--stop").out())
                .isEqualTo("no dev cluster runs in " + data + "\n");
        assertThat(run("dev", "--data", data.toString(), "--stop", "--reset").exitCode()).isZero();
        assertThat(data.resolve("dev.yaml")).doesNotExist();
        assertThat(run("dev", "--data", data.toString(), "--stop").out())
                .isEqualTo("there is no dev cluster in " + data + "\n");
    }

    @Test
    void aNodeThatTheClusterDoesNotHaveIsRefused() {
        new DevFolder(data).create(new DevSettings(3, 12_000));
        assertThat(run("dev", "--data", data.toString(), "node", "kill", "4").err())
                .contains("there is no node 4");
        assertThat(run("dev", "--data", temp.resolve("x").toString(), "gateway", "kill").err())
                .startsWith("error: NOT_INITIALISED: there is no dev cluster in ");
    }

    @Test
    void somebodysFolderIsNeitherUsedNorCleared() throws IOException {
        Files.createDirectories(data);
        Files.writeString(data.resolve("thesis.txt"), "years of work");
        Run run = run("dev", "--data", data.toString(), "--reset");
        assertThat(run.exitCode()).isEqualTo(4);
        assertThat(data.resolve("thesis.txt")).exists();
    }

    @Test
    void withoutALauncherItSaysSo() {
        System.setProperty("mirach.home", data.toString());
        assertThat(run("dev", "--data", data.toString()).err())
                .startsWith("error: INVALID_CONFIG: ")
                .contains("ops/bin/mirach dev");
    }
}
