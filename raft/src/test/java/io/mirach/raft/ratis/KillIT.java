package io.mirach.raft.ratis;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KillIT {
    private static final int ROUNDS = 4;

    @TempDir Path directory;

    private final String[] ports = {
        Integer.toString(TestCluster.freePort()),
        Integer.toString(TestCluster.freePort()),
        Integer.toString(TestCluster.freePort())
    };

    private Process start(String what, int first) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                ProcessHandle.current().info().command().orElse("java"),
                                "-Djava.util.concurrent.ForkJoinPool.common.parallelism=2",
                                "-Xmx512m",
                                "-ea",
                                "-cp",
                                System.getProperty("java.class.path"),
                                CrashingProcess.class.getName(),
                                directory.toString(),
                                what,
                                Integer.toString(first)));
        command.addAll(List.of(ports));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    @Test
    void whatWasAcknowledgedSurvivesKillMinus9OfAll() throws IOException, InterruptedException {
        Set<Integer> acknowledged = new TreeSet<>();
        for (int round = 0; round < ROUNDS; round++) {
            // Each round is killed at another moment of its writing.
            int enough = acknowledged.size() + 150 + 331 * round;
            Process process = start("write", 1_000_000 * round);
            try (BufferedReader output = reader(process)) {
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    if (line.startsWith("ack ")) {
                        acknowledged.add(Integer.parseInt(line.substring(4)));
                        if (acknowledged.size() == enough) {
                            process.toHandle().destroyForcibly(); // SIGKILL; the output stays open.
                        }
                    }
                }
            } finally {
                process.destroyForcibly();
            }
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(acknowledged).as("round %d", round).hasSizeGreaterThanOrEqualTo(enough);
        }
        assertThat(list()).containsAll(acknowledged).doesNotHaveDuplicates();
    }

    private List<Integer> list() throws IOException, InterruptedException {
        Process process = start("list", 0);
        List<Integer> present = new ArrayList<>();
        List<String> other = new ArrayList<>();
        try (BufferedReader output = reader(process)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                if (line.startsWith("has ")) {
                    present.add(Integer.parseInt(line.substring(4)));
                } else {
                    other.add(line);
                }
            }
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(other).contains("end");
        return present;
    }

    private static BufferedReader reader(Process process) {
        return new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }
}
