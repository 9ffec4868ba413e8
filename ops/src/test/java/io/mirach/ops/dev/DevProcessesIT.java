package io.mirach.ops.dev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code mirach dev} over processes that only pretend to be nodes and gateway: how they come and
 * go, without what a cluster does.
 */
@EnabledOnOs(OS.LINUX)
class DevProcessesIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir Path temp;
    private Path data;
    private DevRunner runner;

    @BeforeEach
    void setUp() throws Exception {
        data = temp.resolve("dev");
        fakeLauncher("");
        runner = new DevRunner(temp, data);
    }

    /**
     * @param before shell lines that run first, with the role in $1
     */
    private void fakeLauncher(String before) throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        FakeLauncher.write(
                temp,
                before
                        + "main=io.mirach.cli.MirachCli\n"
                        + "[ \"$2\" != start ] || main=io.mirach.ops.dev.FakeMirach\n"
                        + "exec '"
                        + java
                        + "' -XX:TieredStopAtLevel=1 -Dmirach.home='"
                        + temp
                        + "' -cp '"
                        + System.getProperty("java.class.path")
                        + "' $main \"$@\"\n");
    }

    @AfterEach
    void tearDown() {
        if (Files.exists(data)) {
            runner.dev("--stop");
        }
    }

    private DevRunner.Run start(String... more) {
        List<String> words = runner.devCommand(more);
        words.addAll(List.of("--detach", "--base-port", "" + runner.basePort()));
        return runner.run(words);
    }

    @Test
    void startMakesTheClusterAndTheVolumeAndASecondStartReports() {
        DevRunner.Run first = start("--size", "2GiB");
        assertThat(first.exitCode()).as(first.output()).isZero();
        assertThat(first.output())
                .containsSubsequence(
                        "starting 3 nodes",
                        "forming a new cluster",
                        "creating volume demo, 2 GiB, thin",
                        "starting the gateway",
                        "Mirach serves volume demo at",
                        "nbd://127.0.0.1:" + runner.basePort() + "/demo",
                        "nbd+unix:///demo?socket=" + data.resolve("nbd.sock"),
                        "try");
        assertThat(runner.processes()).hasSize(4);
        DevRunner.Run second = runner.dev();
        assertThat(second.exitCode()).as(second.output()).isZero();
        assertThat(second.output()).contains("running already", "gateway  pid ");
    }

    @Test
    void afterTheDeathOfAllTheSameClusterComesBack() throws Exception {
        start();
        runner.processes().forEach(ProcessHandle::destroyForcibly);
        await().atMost(LIMIT).until(() -> runner.processes().isEmpty());
        DevRunner.Run again = start();
        assertThat(again.exitCode()).as(again.output()).isZero();
        assertThat(again.output()).doesNotContain("forming", "creating volume");
    }

    @Test
    void aGatewayThatFailsTakesTheNodesWithIt() throws Exception {
        fakeLauncher("if [ \"$1\" = gateway ]; then echo 'no secret for you'; exit 7; fi\n");
        DevRunner.Run run = start();
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output())
                .containsSubsequence(
                        "stopping 3 nodes",
                        "error: INTERNAL: gateway ended with exit code 7",
                        "  no secret for you",
                        "remedy: read " + data.resolve("gateway.log"));
        assertThat(data.toFile().list()).doesNotContain("node-1.pid", "gateway.pid", "endpoint");
    }

    @Test
    void ctrlCStopsTheGatewayThenTheNodesAndKilledOnesAreTold() throws Exception {
        Path output = temp.resolve("output.txt");
        Process foreground = foreground(output);
        runner.dev("node", "kill", "3");
        await().atMost(LIMIT)
                .untilAsserted(() -> assertThat(output).content().contains("node-3 has ended"));
        runner.dev("node", "start", "3");
        await().atMost(LIMIT)
                .untilAsserted(() -> assertThat(output).content().contains("node-3 runs again"));
        List<ProcessHandle> processes = runner.processes();
        assertThat(processes).hasSize(4);
        runner.run(List.of("kill", "-INT", "" + foreground.pid()));
        assertThat(foreground.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(foreground.exitValue()).isEqualTo(130);
        assertThat(output)
                .content()
                .containsSubsequence("stopping the gateway", "stopping 3 nodes");
        assertThat(processes).noneMatch(DevRunner::runs);
    }

    @Test
    void ctrlCWhileStartingLeavesNothing() throws Exception {
        fakeLauncher("if [ \"$1\" = node ]; then while :; do sleep 0.05; done; fi\n");
        Path output = temp.resolve("output.txt");
        Process foreground = launch(output);
        await().atMost(LIMIT)
                .untilAsserted(
                        () -> assertThat(output).content().contains("waiting: no node answered"));
        List<ProcessHandle> processes = runner.processes();
        assertThat(processes).hasSize(3);
        runner.run(List.of("kill", "-INT", "" + foreground.pid()));
        assertThat(foreground.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(output).content().contains("stopping 3 nodes").doesNotContain("error:");
        assertThat(processes).noneMatch(DevRunner::runs);
    }

    @Test
    void stopFromElsewhereEndsTheForeground() throws Exception {
        Path output = temp.resolve("output.txt");
        Process foreground = foreground(output);
        assertThat(runner.dev("--stop").exitCode()).isZero();
        assertThat(foreground.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(foreground.exitValue()).isZero();
        assertThat(output).content().contains("the cluster was stopped by another command");
    }

    private Process launch(Path output) throws Exception {
        // A parent that ignores SIGINT, as a shell's background job does, would hand that down.
        List<String> words = new ArrayList<>(List.of("env", "--default-signal=INT"));
        words.addAll(runner.devCommand("--base-port", "" + runner.basePort()));
        return new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(output.toFile())
                .start();
    }

    private Process foreground(Path output) throws Exception {
        Process foreground = launch(output);
        await().atMost(LIMIT)
                .untilAsserted(() -> assertThat(output).content().contains("Ctrl-C stops it"));
        return foreground;
    }
}
