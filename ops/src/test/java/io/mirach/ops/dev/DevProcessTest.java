package io.mirach.ops.dev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.mirach.cli.CliClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class DevProcessTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir Path temp;
    private DevProcess process;

    private DevProcess process(String script) throws IOException {
        Path launcher = FakeLauncher.write(temp, script);
        process =
                new DevProcess(
                        launcher, temp, "node-1", List.of("node", "start"), CliClock.system());
        return process;
    }

    @AfterEach
    void end() throws InterruptedException {
        if (process != null) {
            process.kill();
        }
    }

    private void awaitLog(String text) {
        await().until(() -> process.lastLogLines().toString().contains(text));
    }

    @Test
    void startWritesThePidAndTheLog() throws Exception {
        long pid = process(FakeLauncher.RUNS).start().pid();
        assertThat(temp.resolve("node-1.pid")).hasContent(pid + "\n");
        assertThat(process.running()).map(ProcessHandle::pid).contains(pid);
        awaitLog("started node start --config " + temp.resolve("node-1.yaml"));
    }

    @Test
    void stopAsksAndForgetsThePid() throws Exception {
        process(FakeLauncher.RUNS).start();
        awaitLog("started");
        assertThat(process.stop(LIMIT)).isTrue();
        assertThat(process.running()).isEmpty();
        assertThat(process.hasPidFile()).isFalse();
        assertThat(process.lastLogLines()).last().isEqualTo("asked to end");
    }

    @Test
    void whoDoesNotEndIsKilled() throws Exception {
        Process child = process(FakeLauncher.IGNORES_TERM).start();
        awaitLog("started");
        assertThat(process.stop(Duration.ofMillis(100))).isFalse();
        assertThat(process.running()).isEmpty();
        // The JVM may not have looked at its ended child yet, so ask it to.
        assertThat(child.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).isEqualTo(128 + 9);
        assertThat(process.hasPidFile()).isFalse();
    }

    @Test
    void killGivesNoTimeAndLeavesAStalePidFile() throws Exception {
        Process child = process(FakeLauncher.RUNS).start();
        awaitLog("started");
        assertThat(process.kill()).contains(child.pid());
        assertThat(process.running()).isEmpty();
        assertThat(process.hasPidFile()).isTrue();
        assertThat(process.lastLogLines()).doesNotContain("asked to end");
        assertThat(process.kill()).isEmpty();
    }

    @Test
    void anotherProcessUnderAnOldPidIsNotTaken() throws Exception {
        process(FakeLauncher.RUNS);
        Files.writeString(temp.resolve("node-1.pid"), ProcessHandle.current().pid() + "\n");
        assertThat(process.running()).isEmpty();
        assertThat(process.kill()).isEmpty();
        assertThat(process.stop(LIMIT)).isTrue();
        assertThat(process.hasPidFile()).isFalse();
    }

    @Test
    void nonsenseInThePidFileIsStale() throws Exception {
        process(FakeLauncher.RUNS);
        Files.writeString(temp.resolve("node-1.pid"), "x\n");
        assertThat(process.running()).isEmpty();
    }

    @Test
    void onlyWhatWasLoggedSinceTheStartIsShown() throws Exception {
        Files.writeString(temp.resolve("node-1.log"), "of a former life\n");
        process(FakeLauncher.FAILS).start().waitFor();
        assertThat(process.lastLogLines()).containsExactly("ERROR NodeConfig: rack: no such thing");
    }
}
