package io.mirach.ops.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The class-data archive of the assembled distribution, with this test's own java. */
@EnabledOnOs(OS.LINUX)
class ArchiveIT {
    private static final Path HOME = Path.of(System.getProperty("mirach.home"));

    private record Run(int exitCode, String output) {}

    @TempDir Path temp;

    private static Run run(Map<String, String> environment, String... args) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(
                        Stream.concat(
                                        Stream.of(HOME.resolve("bin/mirach").toString()),
                                        Arrays.stream(args))
                                .toList());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().putAll(environment);
        builder.redirectErrorStream(true).redirectInput(new File("/dev/null"));
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    private static Path archive() throws IOException {
        try (Stream<Path> files = Files.list(HOME.resolve("archive"))) {
            return files.filter(f -> f.toString().endsWith(".jsa")).findFirst().orElseThrow();
        }
    }

    @BeforeAll
    static void prepare() throws Exception {
        Run prepare = run(Map.of(), "prepare");
        assertThat(prepare.exitCode()).as(prepare.output()).isZero();
    }

    @Test
    void commandsAndNodesTakeTheirClassesFromIt() throws Exception {
        Run help = run(Map.of("MIRACH_JAVA_OPTS", "-Xshare:on -Xlog:class+load"), "--help");
        assertThat(help.output()).contains("Usage: mirach");
        for (String name :
                List.of(
                        "picocli.CommandLine",
                        "io.mirach.cli.MirachCli",
                        "io.mirach.server.node.NodeStartCommand")) {
            assertThat(help.output())
                    .containsPattern(
                            " " + name.replace(".", "\\.") + " source: shared objects file");
        }
    }

    @Test
    void nothingIsSaidOfAnArchiveThatIsNoGood() throws Exception {
        String expected = run(Map.of(), "--version").output();
        assertThat(expected).startsWith("mirach ");
        byte[] good = Files.readAllBytes(archive());
        byte[] foreign = good.clone();
        // The name of the JVM that made it stands in its first bytes.
        Arrays.fill(foreign, 32, 512, (byte) 'x');
        Map<String, byte[]> bad =
                Map.of(
                        "empty",
                        new byte[0],
                        "foreign",
                        foreign,
                        "garbage",
                        "no archive\n".repeat(10_000).getBytes(StandardCharsets.UTF_8),
                        "truncated",
                        Arrays.copyOf(good, good.length / 2));
        for (Map.Entry<String, byte[]> each : bad.entrySet()) {
            Files.write(temp.resolve(archive().getFileName()), each.getValue());
            Run run = run(Map.of("MIRACH_ARCHIVE_DIR", temp.toString()), "--version");
            assertThat(run.output()).as(each.getKey()).isEqualTo(expected);
            assertThat(run.exitCode()).as(each.getKey()).isZero();
            assertThat(
                            run(
                                            Map.of(
                                                    "MIRACH_ARCHIVE_DIR",
                                                    temp.toString(),
                                                    "MIRACH_JAVA_OPTS",
                                                    "-Xshare:on"),
                                            "--version")
                                    .exitCode())
                    .as(each.getKey() + " is no good")
                    .isNotZero();
        }
    }
}
