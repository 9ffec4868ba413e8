package io.mirach.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.mirach.cli.CliContext;
import io.mirach.cli.ExitCode;
import io.mirach.cli.MirachCli;
import io.mirach.nbd.ClientTool;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class GatewayCommandIT {
    @TempDir Path folder;

    private Path config(String more) throws IOException {
        return Files.writeString(
                folder.resolve("gateway.yaml"),
                "name: gw\nendpoints: ['127.0.0.1:1']\nlisten: ['unix://"
                        + folder.resolve("nbd.sock")
                        + "']\nstate-dir: "
                        + folder.resolve("state")
                        + "\n"
                        + more);
    }

    /** Serves until SIGTERM, then ends with 0 and leaves no socket. */
    @Test
    void aTerminatedGatewayEndsWithZero() throws Exception {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                FakeGatewayMain.class.getName(),
                                "--config",
                                config("auto-attach: true\n").toString())
                        .redirectErrorStream(true)
                        .start();
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            String line = output.readLine();
            while (line != null && !line.startsWith("serving ")) {
                line = output.readLine();
            }
            assertThat(line).isEqualTo("serving nbd+unix:///?socket=" + folder.resolve("nbd.sock"));
            String shown =
                    ClientTool.run(
                                    "nbdinfo",
                                    "nbd+unix:///alpha?socket=" + folder.resolve("nbd.sock"))
                            .succeeded()
                            .output();
            assertThat(shown).contains("export-size: " + FakeCluster.SIZE_BYTES);
            // Process.destroy() would close the streams as well.
            process.toHandle().destroy();
            String rest = String.join("\n", output.lines().toList());
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(rest).isZero();
            assertThat(rest).contains("gateway gw has ended");
            assertThat(folder.resolve("nbd.sock")).doesNotExist();
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void aWrongConfigurationIsReportedWithoutAStackTrace() throws IOException {
        StringWriter err = new StringWriter();
        CommandLine cli =
                MirachCli.commandLine(CliContext.ofProcess(), List.of(new GatewayCommands()));
        cli.setErr(new PrintWriter(err, true));
        int exit =
                cli.execute(
                        "gateway", "start", "--config", config("auto-atach: true\n").toString());
        assertThat(exit).isEqualTo(ExitCode.USAGE.number());
        assertThat(err.toString())
                .contains("INVALID_CONFIG")
                .contains("unknown key 'auto-atach'")
                .doesNotContain("\tat ");
        assertThat(folder.resolve("state")).doesNotExist();
    }
}
